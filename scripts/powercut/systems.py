"""What is loaded, cut off and started again: one server, or a cluster with its Redis."""

import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

import client
import servers

SETTINGS = {
    "HOST": "127.0.0.1", "ACCESS_KEY": client.ACCESS_KEY, "SECRET_KEY": client.SECRET_KEY, "ALLOW_ANONYMOUS": "1",
    # So that volumes are sealed and rewritten while the power goes.
    "VOLUME_SIZE": "32M", "GARBAGE_GRACE": "0", "MIN_FREE_SPACE": "16M",
    "SWIFT_BACKTRACE": "enable=yes,color=no,interactive=no,output-to=stderr,threads=crashed,registers=none,images=none",
}
PORT_TRIES = 5
# The exit code of a process whose changes could not be recorded.
RECORDER_FAILED = 97


def wait_until_ready(port, process, what):
    servers.wait_until(lambda: servers.get(f"http://127.0.0.1:{port}/ready")[0] == 200, process, what, 0.02)


class Recorder:
    """How a process is started so that its changes are recorded."""

    def __init__(self, library, journal, sync_us):
        self.library, self.journal, self.sync_us = library, journal, sync_us

    def environment(self, root, pipe):
        return {"LD_PRELOAD": str(self.library), "POWERCUT_ROOT": os.path.realpath(root),
                "POWERCUT_JOURNAL": str(self.journal), "POWERCUT_KILL": str(pipe),
                "POWERCUT_SYNC_US": str(self.sync_us)}


class System:
    """Processes whose files are below the folder `root`."""

    def __init__(self, running, root, logs, recorder=None, settings=None):
        self.running, self.root, self.logs, self.recorder = running, pathlib.Path(root), logs, recorder
        self.settings = settings or {}
        # Of each process, after how many changes it dies.
        self.changes_max = None
        self.processes = {}
        logs.mkdir(parents=True, exist_ok=True)

    def _start(self, name, command, environment):
        environment = {"PATH": os.environ.get("PATH", ""), **environment}
        if self.recorder:
            pipe = self.logs / f"{name}.pipe"
            if not pipe.exists():
                os.mkfifo(pipe)
            environment |= self.recorder.environment(self.root, pipe)
            if self.changes_max:
                environment["POWERCUT_DIE_AFTER"] = str(self.changes_max)
        self.processes[name] = self.running.start(command, self.logs / f"{name}.log", env=environment)
        return self.processes[name]

    def start(self):
        """Starts all, and waits until they are ready."""
        for _ in range(PORT_TRIES):
            self._choose_ports()
            lengths = {log: log.stat().st_size for log in self.logs.glob("*.log")}
            try:
                return self._start_all()
            except servers.Failure as failure:
                # A port that was free is some connection's by now.
                if "already in use" not in str(failure):
                    raise
                self.kill()
                # What this try complained of is no finding.
                for log in self.logs.glob("*.log"):
                    os.truncate(log, lengths.get(log, 0))
        raise servers.Failure("no free ports on 127.0.0.1")

    @property
    def has_died(self):
        return any(process.poll() == -signal.SIGKILL for process in self.processes.values())

    def kill(self):
        """Ends all at once, as a crash would."""
        for name in list(self.processes):
            self.kill_one(name)

    def kill_one(self, name):
        process = self.processes.pop(name)
        end = time.monotonic() + servers.STOP_SECONDS_MAX
        while self.recorder and process.poll() is None and time.monotonic() < end:
            # By the recorder, so that no change is without its entry; its thread may not wait yet.
            try:
                os.close(os.open(self.logs / f"{name}.pipe", os.O_WRONLY | os.O_NONBLOCK))
            except OSError:
                pass
            time.sleep(0.005)
        if process.poll() == RECORDER_FAILED:
            raise servers.Failure(f"{name} had ended with code {process.returncode}:\n{self.log_of(name)[-2000:]}")
        self.running.stop(process, signal.SIGKILL)

    def stop(self):
        """Ends all in order."""
        for name in reversed(list(self.processes)):
            process = self.processes.pop(name)
            self.running.stop(process)
            if process.returncode != 0:
                raise servers.Failure(f"{name} ended with code {process.returncode}:\n{self.log_of(name)[-2000:]}")

    def log_of(self, name):
        return (self.logs / f"{name}.log").read_text(errors="replace")

    @property
    def complaints(self):
        """-> lines of the logs that say that something is wrong."""
        words = '"level":"error"', '"level":"critical"', "Fatal error", "Precondition failed", "*** Signal"
        return [f"{log.stem}: {line[:500]}" for log in sorted(self.logs.glob("*.log")) if log.stem != "redis"
                for line in log.read_text(errors="replace").splitlines() if any(word in line for word in words)]


class Server(System):
    """`cairn server`."""

    def __init__(self, program, *arguments, **options):
        super().__init__(*arguments, **options)
        self.program = program

    def _choose_ports(self):
        self.ports = servers.free_port(), servers.free_port()

    def _start_all(self):
        port, s3_port = self.ports
        process = self._start("server", [self.program, "server"], {
            **SETTINGS, "PORT": str(port), "S3_PORT": str(s3_port), "BASE_STORAGE_PATH": str(self.root),
            **self.settings})
        wait_until_ready(port, process, "cairn server")


class Cluster(System):
    """Redis with its append-only file, three nodes and a coordinator."""

    NODES = 3
    SECRET = "0e5a1c97d3b84f26a7e0c1d25b94f86372fd0b5e8c6a4917d2e3f0a1b5c8d796"

    def __init__(self, program, *arguments, appendfsync="always", **options):
        super().__init__(*arguments, **options)
        self.program, self.appendfsync = program, appendfsync

    def _choose_ports(self):
        self.ports = servers.free_port(), servers.free_port()
        self.redis_port = servers.free_port()
        self.node_ports = [servers.free_port() for _ in range(self.NODES)]

    @staticmethod
    def mend(root):
        """What an operator does on an image: a hole in the end of its file keeps Redis from starting."""
        for file in (root / "redis").rglob("*.incr.aof"):
            subprocess.run([servers.find_tool("redis-check-aof"), "--fix", file], input=b"y\n", capture_output=True)

    def prepare(self):
        """Lets Redis make its folder before the recording begins."""
        (self.root / "redis").mkdir()
        recorder, self.recorder = self.recorder, None
        self._choose_ports()
        self._start_redis()
        self.stop()
        self.recorder = recorder

    def _start_all(self):
        self._start_redis()
        nodes = [self._start_cairn(f"node{number}", "node", port) for number, port in enumerate(self.node_ports, 1)]
        coordinator = self._start_cairn("coordinator", "coordinator", self.ports[0], S3_PORT=str(self.ports[1]))
        for process, port in [*zip(nodes, self.node_ports), (coordinator, self.ports[0])]:
            wait_until_ready(port, process, "the cluster")

    def wait_until_copied(self):
        """Waits until the cluster says that everything has all its copies."""
        asking = client.Client(*self.ports)
        servers.wait_until(
            lambda: self._is_copied(asking), self.processes["coordinator"], "the cluster with all its copies", 0.1)
        asking.close()

    @staticmethod
    def _is_copied(asking):
        status, _, body = asking.native("GET", "/status", headers=client.ADMINISTRATOR)
        if status != 200:
            return False
        told = json.loads(body)
        lacking = sum(told["volumes"][name] for name in ("under_replicated", "at_risk", "unavailable"))
        return lacking + sum(told["repair"][name] for name in ("waiting", "running", "retrying")) == 0

    def lose_disk(self, random):
        """Loses the disk of a node, and the node with it."""
        number = random.randint(1, self.NODES)
        self.kill_one(f"node{number}")
        shutil.rmtree(self.root / f"node{number}")
        return f"node{number}"

    def _start_redis(self):
        # Rewriting its file is Redis's own affair, and done in ways that are not recorded.
        process = self._start("redis", [
            servers.find_tool("redis-server"), "--port", self.redis_port, "--bind", "127.0.0.1",
            "--dir", self.root / "redis", "--save", "", "--appendonly", "yes", "--appendfsync", self.appendfsync,
            "--auto-aof-rewrite-percentage", "0"], {})
        servers.wait_until(self._redis_answers, process, "Redis", 0.02)

    def _redis_answers(self):
        try:
            with socket.create_connection(("127.0.0.1", self.redis_port), 1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(64).startswith(b"+PONG")
        except OSError:
            return False

    def _start_cairn(self, name, role, port, **settings):
        return self._start(name, [self.program, role], {
            **SETTINGS, "PORT": str(port), "S3_PORT": "off", "BASE_STORAGE_PATH": str(self.root / name),
            "REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(self.redis_port), "CLUSTER_SECRET": self.SECRET,
            "REPLICATION_FACTOR": str(self.NODES), "NODE_HEARTBEAT_INTERVAL": "0.5", "NODE_TIMEOUT": "5",
            **settings, **self.settings})
