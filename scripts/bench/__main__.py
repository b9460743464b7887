"""Measures `cairn server` beside its references, in turn in one run, and prints the ratios as a Markdown table.

    python3 scripts/bench [--cairn PROGRAM] [--rounds N] [--million] [--json FILE]

Everything listens on 127.0.0.1 on free ports, and keeps its data in one new directory that is deleted at the end.
Needs wrk, nginx, fio, strace and Python 3 with venv (scripts/setup --bench); SeaweedFS comes from PyPI.
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import shutil
import signal
import sys
import tempfile

import measurements
import report
import servers

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]


def parse_arguments():
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__.split("\n\n")[0])
    parser.add_argument("--cairn", default=REPOSITORY / ".build/release/cairn", type=pathlib.Path,
                        help="the program to measure (default: the release build)")
    parser.add_argument("--rounds", default=3, type=int, help="rounds, of which the median counts (default: 3)")
    parser.add_argument("--seconds", default=6, type=int, help="seconds of each run with small blobs (default: 6)")
    parser.add_argument("--only", default="", metavar="NAME[,NAME…]",
                        help="of: " + ", ".join(measurements.NAMES) + " (default: all but million)")
    parser.add_argument("--million", action="store_true",
                        help="also with 1,000,000 blobs: memory and restart (some minutes more)")
    parser.add_argument("--directory", default=REPOSITORY / ".build", type=pathlib.Path,
                        help="where the data goes for the time of the run: the disk that is measured")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="also write every single figure there")
    arguments = parser.parse_args()
    if arguments.rounds < 1 or arguments.seconds < 1:
        parser.error("--rounds and --seconds must be at least 1")
    names = [name for name in arguments.only.split(",") if name]
    unknown = set(names) - set(measurements.NAMES)
    if unknown:
        parser.error(f"--only: unknown {', '.join(sorted(unknown))}; there are {', '.join(measurements.NAMES)}")
    arguments.names = names or [name for name in measurements.NAMES if name != "million" or arguments.million]
    if not os.access(arguments.cairn, os.X_OK):
        parser.error(f"no program at {arguments.cairn}: run `make build`")
    for tool in ("wrk", "nginx", "fio", "strace", "curl"):
        if not servers.find_tool(tool):
            parser.error(f"{tool} is not installed: run `scripts/setup --bench`")
    return arguments


def main():
    arguments = parse_arguments()
    # A stopped run must not leave servers behind: their end is in `finally`, and signals have to pass through it.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    arguments.directory.mkdir(parents=True, exist_ok=True)
    work = pathlib.Path(tempfile.mkdtemp(prefix="bench-", dir=arguments.directory)).resolve()
    running = servers.Processes()
    try:
        bench = measurements.Bench(arguments, work, running)
        results = bench.run()
    except servers.Failure as failure:
        sys.exit(f"bench: {failure}")
    except KeyboardInterrupt:
        sys.exit("bench: stopped")
    finally:
        running.stop_all()
        shutil.rmtree(work, ignore_errors=True)
    print(f"{datetime.date.today()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}, "
          f"{bench.version}, {bench.references}\n")
    print(report.table(results))
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2) + "\n")
        report.say(f"wrote {arguments.json}")


main()
