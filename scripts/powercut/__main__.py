"""Cuts the power of a server, or of a cluster, again and again, and looks whether something was lost or came back.

    python3 scripts/powercut [--cuts N] [--seed N] [--cluster] [--cairn PROGRAM]

A preloaded library records every change of files under load. From that journal, images are made that a loss of power
at any moment could have left: of what was not synced, sectors are kept, dropped or torn, sizes are old or new, names
are there or not. The program is started on each. What it had acknowledged must be there, with its bytes; what it had
deleted must be gone; a request without an answer was done or not, never in part. A quarter of the images get more
load, and a second loss of power.

What fails is kept below `.build/powercut-found`, and the command that repeats it is printed.
"""

import argparse
import concurrent.futures
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(REPOSITORY / "scripts" / "bench"))

import recording  # noqa: E402
import servers  # noqa: E402

# Memory as the disk of the processes is fast, and nothing here depends on what a real one keeps.
SHARED_MEMORY = pathlib.Path("/dev/shm")
SHARED_MEMORY_FREE_MIN = 4 << 30


def parse_arguments():
    parser = argparse.ArgumentParser(prog="scripts/powercut", description=__doc__.split("\n\n")[0])
    add = parser.add_argument
    add("--cairn", default=REPOSITORY / ".build/release/cairn", type=pathlib.Path,
        help="the program (default: the release build)")
    add("--cuts", default=100, type=int, help="how many (default: 100)")
    add("--seed", default=None, type=int, help="of everything that is random (default: a new one, which is printed)")
    add("--cluster", action="store_true", help="a coordinator, three nodes and Redis instead of a server")
    add("--appendfsync", default="always", choices=["always", "everysec"], help="of Redis (default: always)")
    add("--lose-disk", action="store_true", help="a node loses its disk after the first check of each image")
    add("--durability", default="sync", choices=["sync", "async"], help="async must fail: a test of this harness")
    add("--seconds", default=20, type=float, help="of load for each recording (default: 20)")
    add("--each", default=50, type=int, help="cuts of each recording (default: 50)")
    add("--jobs", default=2, type=int, help="images that are looked at together (default: 2)")
    add("--found", default=REPOSITORY / ".build/powercut-found", type=pathlib.Path, help="where failures go")
    add("--work", default=None, type=pathlib.Path, help="where files go meanwhile (default: in memory)")
    add("--again", default=None, type=pathlib.Path, metavar="FOLDER", help="makes the images of a kept recording again")
    add("--only", default=None, type=int, metavar="N", help="with --again: this cut alone")
    arguments = parser.parse_args()
    if not os.access(arguments.cairn, os.X_OK):
        parser.error(f"no program at {arguments.cairn}: run `make build`")
    if arguments.cluster and not servers.find_tool("redis-server"):
        parser.error("redis-server is not installed: run `scripts/setup`")
    return arguments


def build_recorder(work):
    compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    if not compiler:
        raise servers.Failure("no C compiler (cc, gcc, clang) for the library that records")
    library = work / "recorder.so"
    source = pathlib.Path(__file__).with_name("recorder.c")
    subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-pthread", "-o", library, source, "-ldl"], check=True)
    return library


def work_folder(arguments):
    if arguments.work:
        arguments.work.mkdir(parents=True, exist_ok=True)
        return pathlib.Path(tempfile.mkdtemp(dir=arguments.work))
    try:
        status = os.statvfs(SHARED_MEMORY)
        has_room = status.f_bavail * status.f_frsize > SHARED_MEMORY_FREE_MIN
    except OSError:
        has_room = False
    return pathlib.Path(tempfile.mkdtemp(prefix="cairn-powercut-", dir=SHARED_MEMORY if has_room else None))


def main():
    arguments = parse_arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    seed = arguments.seed if arguments.seed is not None else random.randrange(1 << 32)
    if arguments.again:
        seed = recording.settings_of(arguments.again)["seed"]
    print(f"powercut: seed {seed}", flush=True)
    work = work_folder(arguments)
    running = servers.Processes()
    start = time.monotonic()
    cuts = failed = 0
    try:
        library = build_recorder(work)
        with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
            for made in recordings(arguments, seed, running, library, work):
                count, problems = made.cut_all(pool, arguments.only)
                cuts += count
                failed += len(problems)
                for cut, texts in sorted(problems.items()):
                    print(f"powercut: recording {made.number}, cut {cut}:\n  " + "\n  ".join(texts[:8]), flush=True)
                if problems and not arguments.again:
                    print(f"powercut: again: python3 scripts/powercut --cairn {arguments.cairn} "
                          f"--again {made.keep()} --only {min(problems)}", flush=True)
                made.remove()
    except servers.Failure as failure:
        print(f"powercut: {failure}", file=sys.stderr)
        return 2
    finally:
        running.stop_all()
        shutil.rmtree(work, ignore_errors=True)
    print(f"powercut: {failed} of {cuts} cuts lost something or brought something back, seed {seed}, "
          f"{time.monotonic() - start:.0f} s", flush=True)
    return 1 if failed else 0


def recordings(arguments, seed, running, library, work):
    if arguments.again:
        yield recording.Recording.kept(arguments.again, running, library, work, arguments.cairn, arguments.found)
        return
    left = arguments.cuts
    number = 0
    while left > 0:
        settings = {
            "seed": seed, "number": number, "cuts": min(left, arguments.each), "seconds": arguments.seconds,
            "cluster": arguments.cluster, "appendfsync": arguments.appendfsync, "lose_disk": arguments.lose_disk,
            "durability": arguments.durability}
        made = recording.Recording(
            settings, running, library, work / f"recording-{number}", arguments.cairn, arguments.found)
        made.make()
        yield made
        left -= arguments.each
        number += 1


if __name__ == "__main__":
    sys.exit(main())
