/* The parser of test scripts on anything, and what comes out of it as frames. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../script/script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char error[256];
	char *text = malloc(size + 1);

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	struct script *s = script_parse("fuzz", text, error, sizeof(error));

	if (!s && !error[0])
		abort(); /* a refusal has a sentence */
	script_free(s);
	free(text);
	return 0;
}
