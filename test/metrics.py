#!/usr/bin/env python3
"""The file of --metrics-file is what its readers take, says what the summary says, and is documented.

    metrics.py TCPLINT ROOT MANUAL

It is parsed by the grammars of OpenMetrics 1.0 and of Prometheus' text format 0.0.4, as far as they can be
met here.
"""
import json
import os
import re
import stat
import subprocess
import sys
import tempfile

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"'
SAMPLE = re.compile(rf"({NAME})(?:\{{((?:{LABEL}(?:,(?!\}}))?)*)\}})? (-?[0-9]+(?:\.[0-9]+)?)")
META = re.compile(rf"# (HELP|TYPE|UNIT) ({NAME}) (.*)")


class Bad(Exception):
    pass


def unescape(value):
    return re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], value)


def openmetrics(text):
    """{(sample name, labels): value} of a text that is valid OpenMetrics; the families with their types."""
    if not text.endswith("# EOF\n") or "\n\n" in text or "\r" in text:
        raise Bad("no # EOF at the end, or empty lines")
    samples, types, family = {}, {}, None
    for line in text.splitlines()[:-1]:
        meta = META.fullmatch(line)
        if meta:
            kind, name, rest = meta.groups()
            if name != family:
                if name in types:
                    raise Bad(f"the family {name} is interrupted")
                family = name
                types[name] = "unknown"
            if kind == "TYPE":
                if rest not in ("counter", "gauge"):
                    raise Bad(f"type {rest}")
                if any(key[0].startswith(name) and key[0] in (name, name + "_total") for key in samples):
                    raise Bad(f"{name}: TYPE after samples")
                types[name] = rest
            continue
        sample = SAMPLE.fullmatch(line)
        if not sample:
            raise Bad(f"neither comment nor sample: {line}")
        name, labels, value = sample[1], sample[2] or "", sample[5]
        if name != family + ("_total" if types[family] == "counter" else ""):
            raise Bad(f"{name} does not belong to {family}")
        pairs = tuple((k, unescape(v)) for k, v in re.findall(LABEL, labels))
        if len({k for k, _ in pairs}) != len(pairs) or (name, pairs) in samples:
            raise Bad(f"twice: {line}")
        if types[family] == "counter" and float(value) < 0:
            raise Bad(f"a negative counter: {line}")
        samples[name, pairs] = value
    return samples, types


def prometheus(text):
    """The samples, as a reader of the older format has them: other comments are skipped, types are its own."""
    samples = set()
    for line in text.splitlines():
        if line.startswith("#"):
            words = line.split(None, 3)
            if words[1] == "TYPE" and words[3] not in ("counter", "gauge", "histogram", "summary", "untyped"):
                raise Bad(f"Prometheus knows no type {words[3]}")
            continue
        sample = SAMPLE.fullmatch(line)
        if not sample:
            raise Bad(f"no sample: {line}")
        float(sample[5])
        samples.add((sample[1], tuple((k, unescape(v)) for k, v in re.findall(LABEL, sample[2] or ""))))
    return samples


def run(program, capture, directory, *more):
    path = os.path.join(directory, "tcplint.prom")
    done = subprocess.run([program, "-r", capture, "--metrics-file", path, *more], capture_output=True, text=True,
                          timeout=60, check=True)
    with open(path, encoding="utf-8") as f:
        return f.read(), [json.loads(line) for line in done.stdout.splitlines()]


def compare(samples, summary, source):
    """What differs from the summary."""
    def value(name, **labels):
        wanted = dict(labels, source=source)
        found = [v for (n, pairs), v in samples.items() if n == "tcplint_" + name and dict(pairs) == wanted]
        return float(found[0]) if len(found) == 1 else None

    expected = [
        ("frames_total", {}, summary["frames"]),
        ("segments_total", {}, summary["segments"]),
        ("source_frames_total", {}, summary["source"]["read"]),
        ("connections_total", {}, summary["connections"]["total"]),
        ("open_connections", {}, summary["connections"]["open"]),
        ("findings_total", {}, summary["findings"]["reported"]),
        ("complete", {}, int(summary["complete"])),
        ("source_kernel_dropped_frames_total", {}, None),
    ]
    expected += [("not_analysed_frames_total", {"reason": k}, v) for k, v in summary["drops"].items()]
    expected += [("ended_connections_total", {"end": k}, v) for k, v in summary["connections"]["by_end"].items()]
    expected += [("handshakes_total", {"verdict": k}, v) for k, v in summary["coverage"]["handshake"].items()]
    expected += [("rule_fired_total", {"rule": k}, v["fired"]) for k, v in summary["findings"]["by_rule"].items()]
    return [f"{name}{labels} is {value(name, **labels)} and not {wanted}" for name, labels, wanted in expected
            if value(name, **labels) != wanted]


def rejects():
    """The parser does notice."""
    good = "# TYPE a counter\na_total 1\n# EOF\n"
    openmetrics(good)
    bad = [good.replace("a_total", "a"), good[:-6], good.replace("counter", "info"), good.replace("1\n", "x\n"),
           good.replace("a_total 1\n", "a_total 1\na_total 2\n"), good.replace(" 1", '{b="x" 1'),
           good.replace("a_total 1\n", "a_total 1\n# TYPE b gauge\nb 1\n# TYPE a gauge\na 1\n")]
    for text in bad:
        try:
            openmetrics(text)
        except Bad:
            continue
        return [f"the test does not notice that this is wrong:\n{text}"]
    return []


def main(argv):
    if len(argv) != 4:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    program, root, manual = os.path.abspath(argv[1]), argv[2], argv[3]
    wrong = rejects()
    with tempfile.TemporaryDirectory() as directory:
        capture = os.path.join(directory, 'odd "name"\\.pcap')
        with open(os.path.join(root, "pcaps", "data-after-fin.pcap"), "rb") as source, open(capture, "wb") as to:
            to.write(source.read())
        text, records = run(program, capture, directory)
        samples, _ = openmetrics(text)
        if prometheus(text) != set(samples):
            wrong.append("the two grammars read it differently")
        wrong += compare(samples, records[-1], capture)
        with open(manual, encoding="utf-8") as f:
            page = f.read()
        wrong += [f"{name} is not in the manual" for name, _ in samples if not re.search(rf"^\.It Ic {name}\b", page, re.M)]
        if os.listdir(directory).count("tcplint.prom.new"):
            wrong.append("the new file stays beside")
        if stat.S_IMODE(os.stat(os.path.join(directory, "tcplint.prom")).st_mode) & 0o444 != 0o444 & ~os.umask(0o22):
            wrong.append("others cannot read it")
        text, _ = run(program, capture, directory, "-w", os.path.join(directory, "out.pcap"))
        if not re.search(r"^tcplint_packets_written_total\{.*\} 8$", text, re.M):
            wrong.append("packets are not counted")
        failed = subprocess.run([program, "-r", capture, "--metrics-file", "/nonexistent/file"], capture_output=True,
                                text=True, timeout=60, check=False)
        if failed.returncode != 1 or "cannot write metrics" not in failed.stderr:
            wrong.append("a place where no file can be is no error")
    print("\n".join(wrong) or f"{len(samples)} samples")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
