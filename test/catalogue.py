#!/usr/bin/env python3
"""Every rule of the catalogue has a script that fires it and a near miss, or is tried on simulated hosts.

RULE.tcp must name the rule after a `!`; RULE-near-miss.tcp must be there and not name it so, or only with another
verdict; run-scripts sees to it that what they say is true.  A rule about hosts has no script where one conversation cannot show it: then a test of
hosts has to name it.

	catalogue.py TCPLINT ROOT              the check
	catalogue.py TCPLINT ROOT FOLDER...    and a table, rule by rule, with captures below the folders that fire it
"""
import json
import os
import re
import subprocess
import sys

HOST_TESTS = ("test/unit/hosts.c", "test/unit/watched.c", "test/isn/hosts.c")
SHOWN = 3  # captures named for a rule
TIMEOUT = 120


def fires(path, rule, beyond=""):
    """Whether a line of the script demands the rule; followed by none of `beyond`."""
    with open(path, encoding="utf-8") as f:
        for line in f:
            for demanded in re.findall(r"\s!\s+(\S+)", line.split("#")[0]):
                if re.search(rf"(^|,){rule}(?![a-z0-9_{beyond}])", demanded):
                    return True
    return False


def evidence(root, rule, hosts):
    """What fires the rule, what nearly does, and what is wrong with that."""
    script = f"test/script/{rule}.tcp"
    near = f"test/script/{rule}-near-miss.tcp"
    if os.path.exists(os.path.join(root, script)):
        if not fires(os.path.join(root, script), rule):
            return script, near, f"{script} does not demand it"
        if not os.path.exists(os.path.join(root, near)):
            return script, near, f"there is no {near}"
        if fires(os.path.join(root, near), rule, beyond="("):
            return script, near, f"{near} demands it"
        return script, near, ""
    for path, text in hosts:
        if re.search(rf"\bRULE_{rule}\b|\"{rule}\"", text):
            return path, path, ""
    return "", "", f"no {script}, and no test of hosts names it"


def captures(folders):
    for folder in folders:
        for place, _, names in sorted(os.walk(folder)):
            for name in sorted(names):
                if name.endswith((".pcap", ".pcapng", ".trace")):
                    yield os.path.join(place, name)


def hits(tcplint, folders):
    """Rule by rule, the captures in which it fires at any confidence."""
    found = {}
    for path in captures(folders):
        done = subprocess.run([tcplint, "-r", path, "--emit", "summary", "--min-severity", "info", "--min-confidence", "0"],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=TIMEOUT)
        for line in done.stdout.decode().splitlines():
            for rule in json.loads(line).get("findings", {}).get("by_rule", {}):
                found.setdefault(rule, []).append(os.path.join(os.path.basename(os.path.dirname(path)),
                                                               os.path.basename(path)))
    return found


def main():
    tcplint, root, folders = sys.argv[1], sys.argv[2], sys.argv[3:]
    listed = subprocess.run([tcplint, "--rules"], stdout=subprocess.PIPE, check=True).stdout.decode()
    rules = [json.loads(line) for line in listed.splitlines()]
    hosts = []
    for path in HOST_TESTS:
        with open(os.path.join(root, path), encoding="utf-8") as f:
            hosts.append((path, f.read()))
    found = hits(tcplint, folders) if folders else {}
    wrong = 0
    if folders:
        print("| rule | tier | fires | near miss | captures |\n|---|---|---|---|---|")
    for r in rules:
        name = r["rule"]
        script, near, trouble = evidence(root, name, hosts)
        if trouble:
            wrong += 1
            print(f"WRONG: {name}: {trouble}")
        if folders:
            seen = found.get(name, [])
            more = f" and {len(seen) - SHOWN} more" if len(seen) > SHOWN else ""
            print(f"| {name} | {r['tier']} | {script} | {near} | {', '.join(seen[:SHOWN])}{more} |")
    print(f"{len(rules)} rules, {wrong} without evidence")
    return 1 if wrong or not rules else 0


if __name__ == "__main__":
    sys.exit(main())
