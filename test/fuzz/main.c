/*
 * Stands in for libFuzzer where there is none: runs a fuzz target over the files and
 * directories that are named, once each, as an ordinary test.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned files;

static _Noreturn void die(const char *path)
{
	perror(path);
	exit(1);
}

/* Exactly as many bytes as the file has, for the sanitizer's sake. */
static void run_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *bytes;
	long size;

	if (!f || fseek(f, 0, SEEK_END) != 0 || (size = ftell(f)) < 0)
		die(path);
	rewind(f);
	bytes = malloc(size ? (size_t)size : 1);
	if (!bytes || fread(bytes, 1, (size_t)size, f) != (size_t)size)
		die(path);
	fclose(f);
	LLVMFuzzerTestOneInput(bytes, (size_t)size);
	free(bytes);
	files++;
}

static void run_directory(const char *path, DIR *dir)
{
	char name[4096];

	for (const struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
		if (entry->d_name[0] == '.')
			continue;
		if (snprintf(name, sizeof(name), "%s/%s", path, entry->d_name) >= (int)sizeof(name))
			die(path);
		run_file(name);
	}
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		DIR *dir = opendir(argv[i]);

		if (!dir) {
			run_file(argv[i]);
			continue;
		}
		run_directory(argv[i], dir);
		closedir(dir);
	}
	printf("%u files\n", files);
	return files ? 0 : 1;
}
