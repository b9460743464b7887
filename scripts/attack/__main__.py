"""Sends mutated requests to every port of a cluster and of a server, and looks whether they take harm.

    python3 scripts/attack [--cairn PROGRAM] [--seconds N] [--seed N]

It starts Redis, a coordinator, two nodes and a `cairn server` on free ports of 127.0.0.1, with data in a new directory
that is deleted at the end. Requests are mutated before they are signed and after; those to nodes have valid tokens. At
the end every process must be alive, with the memory and the descriptors that it had after a warm-up, must do an honest
request, and must not have answered with an error of its own that nothing explains.
"""

import argparse
import collections
import os
import pathlib
import random
import shutil
import signal
import sys
import tempfile
import threading
import time

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(REPOSITORY / "scripts" / "bench"))

import attacked  # noqa: E402
import connections  # noqa: E402
import mutations  # noqa: E402
import samples  # noqa: E402
import servers  # noqa: E402

WORKERS = 12
# Of a run, before memory and descriptors are looked at first: caches and pools are full then.
WARM_UP_SHARE = 0.25
SAMPLE_SECONDS = 2
MEMORY_LINES = 10  # of a run, that tell how memory went
RECENT_MAX = 40  # requests of each worker that are kept for a report


def parse_arguments():
    parser = argparse.ArgumentParser(prog="scripts/attack", description=__doc__.split("\n\n")[0])
    parser.add_argument("--cairn", default=REPOSITORY / ".build/release/cairn", type=pathlib.Path,
                        help="the program to attack (default: the release build)")
    parser.add_argument("--seconds", default=60, type=float, help="how long (default: 60)")
    parser.add_argument("--seed", default=None, type=int, help="of the mutations (default: a new one, which is printed)")
    parser.add_argument("--growth", default=48, type=int, metavar="MIB",
                        help="memory that a process may have more at the end than after the warm-up (default: 48)")
    parser.add_argument("--found", default=REPOSITORY / ".build/attack-found", type=pathlib.Path,
                        help="where requests go that did harm")
    arguments = parser.parse_args()
    if not os.access(arguments.cairn, os.X_OK):
        parser.error(f"no program at {arguments.cairn}: run `make build`")
    if not servers.find_tool("redis-server"):
        parser.error("redis-server is not installed: run `scripts/setup`")
    return arguments


class Attack:
    """The workers, and what they have seen."""

    def __init__(self, targets, seed):
        self.targets, self.seed = targets, seed
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.statuses = collections.Counter()
        self.failures = collections.OrderedDict()
        self.recent = [collections.deque(maxlen=RECENT_MAX) for _ in range(WORKERS)]
        self.broken = []

    def run(self, seconds, watch):
        workers = [threading.Thread(target=self._work, args=(number,), daemon=True) for number in range(WORKERS)]
        for worker in workers:
            worker.start()
        end = time.monotonic() + seconds
        try:
            while time.monotonic() < end and not self.broken:
                time.sleep(min(SAMPLE_SECONDS, max(0, end - time.monotonic())))
                if not watch(1 - (end - time.monotonic()) / seconds):
                    break
        finally:
            self.stopping.set()
        for worker in workers:
            worker.join()

    def _work(self, number):
        rng = random.Random(self.seed * 1000 + number)
        mutator = mutations.Mutator(rng)
        while not self.stopping.is_set():
            try:
                target = rng.choice(self.targets)
                wire = mutator.wire(rng.choice(target.samples), target)
                self.recent[number].append((target.name, wire))
                answers = connections.exchange(target.port, wire, rng)
                self._note(target, wire, answers)
            except Exception as error:  # a bug here must not look like a server that stands
                self.broken.append(f"worker {number}: {error!r}")
                return

    def _note(self, target, wire, answers):
        with self.lock:
            if not answers:
                self.statuses[(target.name, "closed")] += 1
            for answer in answers:
                self.statuses[(target.name, answer.status)] += 1
                if answer.is_unexplained:
                    self.failures.setdefault((target.name, answer.status, answer.reason), wire)

    def keep(self, folder):
        """Writes the last requests of every worker to `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        for number, requests in enumerate(self.recent):
            for place, (name, wire) in enumerate(requests):
                (folder / f"seed-{self.seed}-{number:02}-{place:02}-{name}").write_bytes(wire)


def main():
    arguments = parse_arguments()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    seed = arguments.seed if arguments.seed is not None else random.randrange(1 << 48)
    print(f"attack: seed {seed}, {arguments.seconds:g} seconds", flush=True)
    work = pathlib.Path(tempfile.mkdtemp(prefix="cairn-attack-")).resolve()
    running = servers.Processes()
    try:
        cluster = attacked.Cluster(running, arguments.cairn, work)
        problems = attack(cluster, arguments, seed)
    except servers.Failure as failure:
        sys.exit(f"attack: {failure}")
    except KeyboardInterrupt:
        sys.exit("attack: stopped")
    finally:
        running.stop_all()
        shutil.rmtree(work, ignore_errors=True)
    for problem in problems:
        print(f"attack: {problem}")
    sys.exit(1 if problems else 0)


def attack(cluster, arguments, seed):
    """-> what is wrong, a line each."""
    run = Attack(samples.targets(cluster), seed)
    first = {}
    said = 0

    def watch(share):
        nonlocal said
        if not all(process.is_alive for process in cluster.processes):
            return False
        if share * MEMORY_LINES >= said + 1:
            said += 1
            print(f"attack: {share:4.0%} done: {cluster.memory()}", flush=True)
        if not first and share >= WARM_UP_SHARE:
            first.update(cluster.observe())
        return True

    run.run(arguments.seconds, watch)
    problems = list(run.broken)
    dead = [process for process in cluster.processes if not process.is_alive]
    for process in dead:
        problems.append(f"{process.name} ended with code {process.code}:\n{process.crash}")
    for (name, status, reason), wire in run.failures.items():
        problems.append(f"{name} answered {status} ({reason}) to {wire[:600]!r}")
    if problems:
        run.keep(arguments.found)
        problems.append(f"the last requests are in {arguments.found}")
    if all(process.is_alive for process in cluster.processes):
        problems += cluster.honest_requests()
        problems += cluster.compare(first or cluster.observe(), arguments.growth)
    print_counts(run)
    return problems


def print_counts(run):
    names = sorted({name for name, _ in run.statuses})
    for name in names:
        counts = sorted(((status, count) for (found, status), count in run.statuses.items() if found == name), key=str)
        print(f"attack: {name}: " + ", ".join(f"{count} × {status}" for status, count in counts))


main()
