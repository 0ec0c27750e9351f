#!/usr/bin/env python3
"""Run what the documentation tells people to run.

    examples.py TCPLINT ROOT FILE...

A command is what follows "$ " in a line of code of a manual page (".Dl $ ...", or inside
".Bd -literal") or of a Markdown file (a fenced or an indented block).  It is run in ROOT with
tcplint in front of PATH and has to exit with 0 and print something.  Lines that follow it in
the same block are its output: they have to be printed, in this order; a line "..." stands for
any others.  Commands that need a program that is not installed are skipped, and said so.
"""
import os
import re
import shlex
import shutil
import subprocess
import sys

ROFF = [(r"\(dq", '"'), (r"\(aq", "'"), (r"\-", "-"), (r"\&", ""), (r"\e", "\\")]


def unroff(text):
    for escape, plain in ROFF:
        text = text.replace(escape, plain)
    return text


def blocks_of_manual(lines):
    """The code of a manual page, block by block."""
    block = None
    for number, line in enumerate(lines, 1):
        if line.startswith(".Dl "):
            yield [(number, unroff(line[4:]))]
        elif line.startswith(".Bd ") and "-literal" in line:
            block = []
        elif line.startswith(".Ed") and block is not None:
            yield block
            block = None
        elif block is not None:
            block.append((number, unroff(line)))


def blocks_of_markdown(lines):
    fenced, block = False, []
    for number, line in enumerate(lines + [""], 1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif fenced:
            block.append((number, line))
            continue
        elif line.startswith("    "):
            block.append((number, line[4:]))
            continue
        if block:
            yield block
        block = []


def examples(block):
    """(line number, command, expected output) for each command of a block."""
    made = []
    for number, line in block:
        if line.startswith("$ "):
            made.append((number, line[2:], []))
        elif made and made[-1][1].endswith("\\"):
            made[-1] = (made[-1][0], made[-1][1][:-1] + line.strip(), [])
        elif made:
            made[-1][2].append(line)
    return made


def missing(command):
    """The first program of a pipeline that is not there."""
    words = list(shlex.shlex(command, posix=True, punctuation_chars=True))
    first = True
    for word in words:
        if first and "=" in word:
            continue
        if first and not shutil.which(word):
            return word
        first = bool(re.fullmatch(r"[|&;]+", word))
    return None


def shown(expected, printed):
    """Whether `printed` is `expected`, where "..." stands for any lines."""
    pattern = ""
    for line in expected:
        pattern += r"(?:.*\n)*?" if line.strip() == "..." else re.escape(line) + r"\n"
    return re.fullmatch(pattern, printed) is not None


def run(where, command, expected, root):
    """What is wrong with an example; None when nothing is."""
    done = subprocess.run(["sh", "-c", command], cwd=root, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        return f"{where}: exit {done.returncode}: {command}\n{done.stderr}"
    if not done.stdout:
        return f"{where}: prints nothing: {command}\n{done.stderr}"
    while expected and not expected[-1].strip():
        expected.pop()
    if expected and not shown(expected, done.stdout):
        return f"{where}: {command}\nis shown to print\n" + "\n".join(expected) + f"\nand prints\n{done.stdout}"
    return None


def main(argv):
    if len(argv) < 4:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    program, root = os.path.abspath(argv[1]), argv[2]
    os.environ["PATH"] = os.path.dirname(program) + os.pathsep + os.environ["PATH"]
    os.environ["NO_COLOR"] = "1"
    ran = failed = 0
    for path in argv[3:]:
        with open(path, encoding="utf-8") as f:
            lines = f.read().splitlines()
        blocks = blocks_of_markdown(lines) if path.endswith(".md") else blocks_of_manual(lines)
        for number, command, expected in (example for block in blocks for example in examples(block)):
            where = f"{os.path.basename(path)}:{number}"
            absent = missing(command)
            if absent:
                print(f"{where}: skipped: {absent} is not installed")
                continue
            if not re.search(r"(^|[|;&]\s*)tcplint\b", command):
                continue
            ran += 1
            wrong = run(where, command, expected, root)
            if wrong:
                print(wrong)
                failed += 1
    print(f"{ran} examples, {failed} failed")
    return 1 if failed or not ran else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
