/*
 * Runs while tcplint is built: shell completions, from the table of options and the catalogue.
 *
 *	completion bash|zsh|fish > FILE
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "names.h"

#define MAX_CHOICES 4

static const struct row {
	char letter; /* 0: none */
	const char *name, *argument, *help;
	bool repeats;
	const char *choice[MAX_CHOICES];
} rows[] = {
#define FLAG(m)                         .repeats = false
#define TEXT(m)                         .repeats = false
#define LIST(m, between_commas)         .repeats = true
#define NUMBER(m, per_one, lo, hi)      .repeats = false
#define DECIMAL(m, lo, hi)              .repeats = false
#define SIZE(m)                         .repeats = false
#define CHOICE(m, ...)                  .choice = { __VA_ARGS__ }
#define LIVE_FLAG(m)                    FLAG(m)
#define LIVE_TEXT(m)                    TEXT(m)
#define LIVE_NUMBER(m, per_one, lo, hi) NUMBER(m, per_one, lo, hi)
#define OPTION(s, l, a, sets, h)        { .letter = (s), .name = (l), .argument = (a), .help = (h), sets },
#include "options.def"
#undef OPTION
};

static const char *const rules[] = {
#define RULE(NAME, ...) #NAME,
#include "rules.def"
#undef RULE
};

/* As in report.h, which belongs to the library. */
static const char *const types[] = { "capture", "finding", "connection", "segment", "host", "stats", "summary" };

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* What an argument is: its placeholder in --help says it. */
static bool is(const struct row *r, const char *argument)
{
	return r->argument && strcmp(r->argument, argument) == 0;
}

/* Names between commas, or one of them. */
static bool several(const struct row *r)
{
	return r->argument && strstr(r->argument, ",...");
}

/* The names that the argument may have, with a blank between; false when that is not what it is. */
static bool names(const struct row *r)
{
	if (!r->argument)
		return false;
	if (is(r, "RULE") || is(r, "RULE,...")) {
		for (size_t i = 0; i < COUNT(rules); i++)
			printf("%s%s", i ? " " : "", rules[i]);
	} else if (is(r, "TYPE,...")) {
		for (size_t i = 0; i < COUNT(types); i++)
			printf("%s%s", i ? " " : "", types[i]);
	} else if (is(r, "NAME,...")) {
		for (int v = 0; v < TCPLINT_VERDICT_COUNT; v++)
			printf("%s%s", v ? " " : "", tcplint_verdict_name((enum tcplint_verdict)v));
	} else if (r->choice[0]) {
		for (size_t i = 0; i < MAX_CHOICES && r->choice[i]; i++)
			printf("%s%s", i ? " " : "", r->choice[i]);
	} else {
		return false;
	}
	return true;
}

static bool has_names(const struct row *r)
{
	return r->argument && (r->choice[0] || several(r) || is(r, "RULE"));
}

/* In single quotes, with a backslash before each of `special`. */
static void quoted(const char *text, const char *special)
{
	for (; *text; text++) {
		if (*text == '\'')
			fputs("'\\''", stdout);
		else if (strchr(special, *text))
			printf("\\%c", *text);
		else
			putchar(*text);
	}
}

/* ---- bash ---- */

static void spellings(const struct row *r, const char *between)
{
	if (r->letter)
		printf("-%c", r->letter);
	if (r->letter && r->name)
		fputs(between, stdout);
	if (r->name)
		printf("--%s", r->name);
}

static void bash_case(const struct row *r)
{
	if (!r->argument)
		return;
	putchar('\t');
	spellings(r, " | ");
	fputs(") ", stdout);
	if (has_names(r)) {
		printf("%s '", several(r) ? "_tcplint_list" : "_tcplint_word");
		names(r);
		puts("' ;;");
	} else if (is(r, "FILE")) {
		puts("_tcplint_files ;;");
	} else if (is(r, "INTERFACE")) {
		puts("_tcplint_word \"$(command ls /sys/class/net 2>/dev/null) any\" ;;");
	} else if (is(r, "USER")) {
		puts("mapfile -t COMPREPLY < <(compgen -u -- \"$cur\") ;;");
	} else {
		puts("COMPREPLY=() ;;");
	}
}

static void bash(void)
{
	puts("# Completion of tcplint(1) for bash.  Generated from options.def.\n"
	     "_tcplint_word()\n"
	     "{\n"
	     "\tmapfile -t COMPREPLY < <(compgen -W \"$1\" -- \"$cur\")\n"
	     "}\n"
	     "_tcplint_list() # names between commas\n"
	     "{\n"
	     "\tlocal head=\n"
	     "\t[[ $cur != *,* ]] || head=${cur%,*},\n"
	     "\tmapfile -t COMPREPLY < <(compgen -P \"$head\" -W \"$1\" -- \"${cur##*,}\")\n"
	     "\tcompopt -o nospace 2>/dev/null\n"
	     "}\n"
	     "_tcplint_files()\n"
	     "{\n"
	     "\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
	     "\tcompopt -o filenames 2>/dev/null\n"
	     "}\n"
	     "_tcplint()\n"
	     "{\n"
	     "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
	     "\tCOMPREPLY=()\n"
	     "\t# --emit=TYPE comes as three words\n"
	     "\tif [[ $cur == '=' ]]; then\n"
	     "\t\tcur=\n"
	     "\telif [[ $prev == '=' ]] && ((COMP_CWORD > 1)); then\n"
	     "\t\tprev=${COMP_WORDS[COMP_CWORD - 2]}\n"
	     "\tfi\n"
	     "\tcase $prev in");
	for (size_t i = 0; i < COUNT(rows); i++)
		bash_case(&rows[i]);
	fputs("\t*) [[ $cur != -* ]] || _tcplint_word '", stdout);
	for (size_t i = 0; i < COUNT(rows); i++) {
		fputs(i ? " " : "", stdout);
		spellings(&rows[i], " ");
	}
	puts("' ;;\n"
	     "\tesac\n"
	     "}\n"
	     "complete -F _tcplint tcplint");
}

/* ---- zsh ---- */

static void zsh_action(const struct row *r)
{
	if (!r->argument)
		return;
	fputs(":", stdout);
	quoted(r->argument, ":[]\\");
	fputs(":", stdout);
	if (has_names(r)) {
		fputs(several(r) ? "_values -s , name " : "(", stdout);
		names(r);
		fputs(several(r) ? "" : ")", stdout);
	} else if (is(r, "FILE")) {
		fputs("_files", stdout);
	} else if (is(r, "INTERFACE")) {
		fputs("_net_interfaces", stdout);
	} else if (is(r, "USER")) {
		fputs("_users", stdout);
	} else {
		fputs(" ", stdout);
	}
}

static void zsh_row(const struct row *r)
{
	fputs("\t'", stdout);
	if (r->repeats)
		fputs("*", stdout);
	else if (r->letter && r->name)
		printf("(-%c --%s)", r->letter, r->name);
	fputs("'", stdout);
	if (r->letter && r->name)
		printf("{-%c%s,--%s%s}", r->letter, r->argument ? "+" : "", r->name, r->argument ? "=" : "");
	else if (r->letter)
		printf("-%c%s", r->letter, r->argument ? "+" : "");
	else
		printf("--%s%s", r->name, r->argument ? "=" : "");
	fputs("'[", stdout);
	quoted(r->help, ":[]\\");
	fputs("]", stdout);
	zsh_action(r);
	puts("' \\");
}

static void zsh(void)
{
	puts("#compdef tcplint\n"
	     "# Completion of tcplint(1) for zsh.  Generated from options.def.\n"
	     "_arguments -s -S \\");
	for (size_t i = 0; i < COUNT(rows); i++)
		zsh_row(&rows[i]);
	puts("\t'*:filter expression: '");
}

/* ---- fish ---- */

static void fish_row(const struct row *r)
{
	fputs("complete -c tcplint", stdout);
	if (r->letter)
		printf(" -s %c", r->letter);
	if (r->name)
		printf(" -l %s", r->name);
	if (has_names(r)) {
		fputs(several(r) ? " -x -a '(__fish_append , " : " -x -a '", stdout);
		names(r);
		fputs(several(r) ? ")'" : "'", stdout);
	} else if (is(r, "FILE")) {
		fputs(" -r -F", stdout);
	} else if (is(r, "INTERFACE")) {
		fputs(" -x -a '(__fish_print_interfaces)'", stdout);
	} else if (is(r, "USER")) {
		fputs(" -x -a '(__fish_complete_users)'", stdout);
	} else if (r->argument) {
		fputs(" -x", stdout);
	}
	fputs(" -d '", stdout);
	for (const char *p = r->help; *p; p++) {
		if (*p == '\'' || *p == '\\')
			putchar('\\');
		putchar(*p);
	}
	puts("'");
}

static void fish(void)
{
	puts("# Completion of tcplint(1) for fish.  Generated from options.def.\n"
	     "complete -c tcplint -f");
	for (size_t i = 0; i < COUNT(rows); i++)
		fish_row(&rows[i]);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*write)(void);
	} shells[] = { { "bash", bash }, { "zsh", zsh }, { "fish", fish } };

	for (size_t i = 0; i < COUNT(shells) && argc == 2; i++) {
		if (strcmp(argv[1], shells[i].name) != 0)
			continue;
		shells[i].write();
		return fflush(stdout) || ferror(stdout);
	}
	fputs("usage: completion bash|zsh|fish\n", stderr);
	return 2;
}
