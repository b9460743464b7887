"""What is measured, in which order, and against which goals."""

import os
import pathlib
import re
import signal
import statistics
import subprocess
import time

import load
import report
import s3
import servers

NAMES = ["idle", "small", "large", "syncs", "s3", "lists", "million"]

SMALL_SIZE = 1024
SMALL_COUNT = 20_000
LARGE_SIZE = 64 * load.MIB
LARGE_EACH = 2  # files of every stream in one run
WEED_COUNT = 30_000
BUSY_MAX = 0.1
MILLION = 1_000_000
MILLION_SIZE = 100
MILLION_SECONDS_MAX = 420


class Bench:
    def __init__(self, arguments, work, processes):
        self.arguments, self.work, self.processes = arguments, work, processes
        version = subprocess.run([arguments.cairn, "--version"], capture_output=True, text=True).stdout.split()
        self.version = "Cairn " + (version[-1] if version else "of unknown version")
        self.references = "medians of %d rounds, %d connections for small blobs, %d streams for large ones" % (
            arguments.rounds, load.CONNECTIONS, load.STREAMS)

    def run(self):
        results = []
        for name in NAMES:
            if name in self.arguments.names:
                busy = load.machine_is_busy()
                if busy > BUSY_MAX:
                    report.say(f"warning: other programs use {busy:.0%} of the processors, which spoils the figures")
                results += getattr(self, name)()
        return results

    def cairn(self, name):
        return servers.Cairn(self.processes, self.arguments.cairn, self.work / name)

    # Without load.

    def idle(self):
        report.say("idle: processor and memory of each process")
        server = self.cairn("idle")
        server.start()
        redis_port = servers.free_port()
        redis = self.processes.start(
            [servers.find_tool("redis-server") or "redis-server", "--port", redis_port, "--bind", "127.0.0.1",
             "--save", "", "--dir", self.work], self.work / "redis.log")
        environment = dict(os.environ, REDIS_HOST="127.0.0.1", REDIS_PORT=str(redis_port), HOST="127.0.0.1")
        processes = {"server": server.process}
        for role in ("coordinator", "node"):
            port = servers.free_port()
            process = self.processes.start(
                [self.arguments.cairn, role], self.work / f"idle-{role}.log",
                env=dict(environment, PORT=str(port), S3_PORT=str(servers.free_port()),
                         BASE_STORAGE_PATH=str(self.work / f"idle-{role}")))
            servers.wait_until(lambda: servers.get(f"http://127.0.0.1:{port}/health")[0] == 200, process, role)
            processes[role] = process
        time.sleep(3)
        seconds = 20
        before = {role: load.processor_seconds(process.pid) for role, process in processes.items()}
        time.sleep(seconds)
        results = []
        for role, process in processes.items():
            share = (load.processor_seconds(process.pid) - before[role]) / seconds * 100
            resident = load.memory(process.pid) / load.MIB
            for what, unit, value, limit in [("processor", "%", share, 1), ("RSS", "MiB", resident, 60)]:
                results.append(report.row(f"Idle {what}, `cairn {role}`", unit, [value], limit=limit,
                                          durability=("–", "")))
        for process in [*processes.values(), redis]:
            self.processes.stop(process)
        return results

    # 1 KiB.

    def small(self):
        report.say("small blobs: starting the servers and storing 20,000 blobs on each")
        cairn, seaweedfs = self.cairn("small"), servers.SeaweedFS(self.processes, self.work / "seaweedfs")
        cairn.start()
        names = [f"b{number}" for number in range(SMALL_COUNT)]
        nginx = servers.Nginx(self.processes, self.work / "nginx", names, os.urandom(SMALL_SIZE))
        for server in (cairn, seaweedfs):
            load.fill(server, SMALL_COUNT, SMALL_SIZE)
            status, body = servers.get(f"{server.url}{server.prefix}{names[-1]}")
            if status != 200 or len(body) != SMALL_SIZE:
                raise servers.Failure(f"{server.name} answers {status} with {len(body)} bytes for a blob that it took")
        load.weed_benchmark(seaweedfs, 2000, SMALL_SIZE)  # makes its volumes grow, which takes it a second
        put, get, runs = {}, {}, {}

        def measure_put(server, round_number):
            first = round_number * 100_000_000
            result = load.small(server, "put", self.arguments.seconds, first=first, size=SMALL_SIZE)
            check(server, result)
            put.setdefault(server.name, []).append(result["rate"])
            runs.setdefault(("PUT", server.name), []).append(result)

        def measure_weed(_):
            put.setdefault("weed benchmark", []).append(load.weed_benchmark(seaweedfs, WEED_COUNT, SMALL_SIZE))

        def measure_get(server, _):
            result = load.small(server, "get", self.arguments.seconds, count=SMALL_COUNT)
            check(server, result)
            get.setdefault(server.name, []).append(result["rate"])
            runs.setdefault(("GET", server.name), []).append(result)

        steps = [lambda r: measure_put(cairn, r), lambda r: measure_put(seaweedfs, r), measure_weed,
                 lambda r: measure_get(cairn, r), lambda r: measure_get(seaweedfs, r), lambda r: measure_get(nginx, r)]
        for round_number in range(1, self.arguments.rounds + 1):
            report.say(f"small blobs: round {round_number} of {self.arguments.rounds}")
            for step in steps:
                os.sync()  # what one server left to be written must not slow down the next one
                step(round_number)
        peak = load.memory(cairn.process.pid, "VmHWM") / load.MIB
        for server in (cairn, seaweedfs, nginx):
            self.processes.stop(server.process)

        def detail(verb, server):
            p99, processor = (statistics.median(result[field] for result in runs[(verb, server.name)])
                              for field in ("p99_ms", "cpu_us"))
            return f" (p99 {report.number(p99)} ms, {report.number(processor)} µs of processor each)"

        def details(verb, other):
            return detail(verb, cairn), detail(verb, other)

        filer = ("sync", seaweedfs.durability)
        return [
            report.row("PUT 1 KiB", "/s", put["Cairn"], put[seaweedfs.name], name=seaweedfs.name, goal=4,
                       durability=filer, details=details("PUT", seaweedfs)),
            report.row("PUT 1 KiB", "/s", put["Cairn"], put["weed benchmark"], name="SeaweedFS volumes, no names",
                       goal=1.5, durability=filer, details=(detail("PUT", cairn), "")),
            report.row("GET 1 KiB, random of 20,000", "/s", get["Cairn"], get[seaweedfs.name], name=seaweedfs.name,
                       goal=4, durability=filer, details=details("GET", seaweedfs)),
            report.row("GET 1 KiB, random of 20,000", "/s", get["Cairn"], get[nginx.name], name=nginx.name, goal=0.5,
                       durability=("sync", nginx.durability), details=details("GET", nginx)),
            report.row("Most RSS during these", "MiB", [peak]),
        ]

    # 64 MiB.

    def large(self):
        report.say("large blobs: starting the servers")
        cairn, seaweedfs = self.cairn("large"), servers.SeaweedFS(self.processes, self.work / "seaweedfs-large")
        cairn.start()
        source = self.work / "source"
        with open(source, "wb") as file:
            for _ in range(LARGE_SIZE // load.MIB):
                file.write(os.urandom(load.MIB))
        disk, put, get = [], {}, {}
        total = load.STREAMS * LARGE_EACH * LARGE_SIZE // load.MIB
        for server in (cairn, seaweedfs):
            load.large(server, ["warm"], source, upload=True)
            self.check_copy(server, "warm", source)
        for round_number in range(1, self.arguments.rounds + 1):
            report.say(f"large blobs: round {round_number} of {self.arguments.rounds}")
            names = [f"large-{round_number}-{number}" for number in range(load.STREAMS * LARGE_EACH)]
            os.sync()
            disk.append(load.disk_write(self.work, total))
            for server in (cairn, seaweedfs):
                os.sync()
                put.setdefault(server.name, []).append(load.large(server, names, source, upload=True))
            for server in (cairn, seaweedfs):
                os.sync()
                get.setdefault(server.name, []).append(load.large(server, names, source, upload=False))
        peak = load.memory(cairn.process.pid, "VmHWM") / load.MIB
        for server in (cairn, seaweedfs):
            self.processes.stop(server.process)
        filer = ("sync", seaweedfs.durability)
        return [
            report.row("PUT 64 MiB, 4 streams", "MiB/s", put["Cairn"], put[seaweedfs.name], name=seaweedfs.name,
                       goal=1.3, durability=filer),
            report.row("PUT 64 MiB, 4 streams", "MiB/s", put["Cairn"], disk, name="fio, the disk", goal=0.8,
                       durability=("sync", "fdatasync every 8 MiB")),
            report.row("GET 64 MiB, 4 streams", "MiB/s", get["Cairn"], get[seaweedfs.name], name=seaweedfs.name,
                       goal=1.3, durability=filer),
            report.row("Most RSS during these", "MiB", [peak]),
        ]

    def check_copy(self, server, name, source):
        copy = self.work / "copy"
        subprocess.run(["curl", "--silent", "--show-error", "--fail", "--output", copy,
                        server.address("GET", name)], check=True)
        if subprocess.run(["cmp", "--silent", source, copy]).returncode != 0:
            raise servers.Failure(f"{server.name} returned other bytes than it took")
        copy.unlink()

    # How many PUTs share one fdatasync.

    def syncs(self):
        report.say("fdatasync calls for PUTs of 1 KiB, by strace")
        server, counts = self.cairn("syncs"), self.work / "strace"
        server.start(
            wrapper=[servers.find_tool("strace"), "-f", "-c", "-e", "trace=fdatasync,fsync", "-o", str(counts)])
        result = load.small(server, "put", self.arguments.seconds, size=SMALL_SIZE)
        check(server, result)
        traced = load.children(server.process.pid)
        for pid in traced:
            os.kill(pid, signal.SIGTERM)
        server.process.wait(servers.STOP_SECONDS_MAX)
        self.processes.stop(server.process)
        calls = 0
        for line in pathlib.Path(counts).read_text().splitlines():
            match = re.match(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s.*\b(?:fdatasync|fsync)$", line)
            calls += int(match[1]) if match else 0
        return [report.row("Calls of fdatasync for each PUT of 1 KiB", "", [calls / result["requests"]], limit=0.25,
                           note=f"{calls:,} calls, {result['requests']:,} PUTs")]

    # S3.

    def s3(self):
        return s3.small(self) + s3.large(self)

    def lists(self):
        return s3.lists(self)

    # 1,000,000 blobs.

    def million(self):
        report.say("1,000,000 blobs of 100 B")
        server = self.cairn("million")
        server.start()
        time.sleep(3)
        empty = load.memory(server.process.pid)
        stored, deadline = 0, time.monotonic() + MILLION_SECONDS_MAX
        while stored < MILLION:
            if time.monotonic() > deadline:
                raise servers.Failure(f"only {stored:,} blobs were stored in {MILLION_SECONDS_MAX} seconds")
            result = load.small(server, "put", 10, first=stored * 2, size=MILLION_SIZE)
            check(server, result)
            stored += result["requests"]
            report.say(f"{stored:,} blobs are stored")
        loaded = load.memory(server.process.pid)
        # Right after the load, when the last blobs are in no snapshot yet.
        server.stop(signal.SIGKILL)
        killed = server.start(interval=0.005)
        server.stop()
        clean = server.start(interval=0.005)
        time.sleep(3)
        restarted = load.memory(server.process.pid)
        server.stop()
        note = (f"{stored:,} blobs; RSS empty {report.number(empty / load.MIB)}, after the load "
                f"{report.number(loaded / load.MIB)}, restarted {report.number(restarted / load.MIB)} MiB")
        return [
            report.row("RSS of the index for each blob", "B", [(restarted - empty) / stored], limit=64, note=note),
            report.row("Restart to ready with 1,000,000 blobs", "s", [clean], limit=3),
            report.row("The same after `kill -9`, right after the load", "s", [killed], limit=3),
        ]


def check(server, result):
    if result["refused"] or result["broken"]:
        report.say(f"warning: {server.name} refused {result['refused']} requests and broke {result['broken']}")
