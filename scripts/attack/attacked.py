"""The processes that are attacked, and what can be seen of each from outside."""

import os
import pathlib
import re
import secrets
import time
import urllib.request

import authority
import servers

ACCESS_KEY, SECRET_KEY = "ATTACKACCESSKEY", "attack-secret-key-of-no-worth"
CLUSTER_SECRET = secrets.token_hex(32)
NODES = 2
# Descriptors that may be more at the end: logs of volumes that were made, connections that wait in a pool.
SOCKETS_MORE_MAX = 8
FILES_MORE_MAX = 64
SETTLE_SECONDS_MAX = 40
CRASHES = ("Fatal error", "Precondition failed", "*** Signal", "Simultaneous accesses")


class Observed:
    """A process: its memory, its descriptors, its end."""

    def __init__(self, name, process, port, s3_port=None):
        self.name, self.process, self.port, self.s3_port = name, process, port, s3_port
        self.folder = pathlib.Path("/proc") / str(process.pid)

    @property
    def is_alive(self):
        return self.process.poll() is None

    @property
    def code(self):
        return self.process.returncode

    @property
    def log(self):
        return pathlib.Path(self.process.log).read_text(errors="replace")

    @property
    def crash(self):
        log = self.log
        places = [place for place in (log.find(word) for word in CRASHES) if place >= 0]
        return log[min(places):][:6000] if places else log[-2000:]

    def observe(self):
        """-> MiB in memory, sockets, other files."""
        status = (self.folder / "status").read_text()
        # A process that has just ended has none.
        resident = sum(int(size) for size in re.findall(r"VmRSS:\s+(\d+)", status)) / 1024
        sockets = files = 0
        for entry in (self.folder / "fd").iterdir():
            try:
                is_socket = os.readlink(entry).startswith("socket:")
            except OSError:
                continue
            sockets, files = sockets + is_socket, files + (not is_socket)
        return resident, sockets, files


class Cluster:
    """Redis, a coordinator and its nodes, and a server that stands alone and asks nobody for a key."""

    def __init__(self, running, program, work):
        self.running, self.program, self.work = running, program, work
        self.redis_port = servers.free_port()
        running.start([servers.find_tool("redis-server"), "--port", self.redis_port, "--bind", "127.0.0.1", "--save",
                       "", "--dir", work], work / "redis.log")
        self.nodes = [self._start("node", f"node{number}") for number in range(1, NODES + 1)]
        self.coordinator = self._start("coordinator", "coordinator", s3=True)
        self.server = self._start("server", "server", s3=True, ALLOW_ANONYMOUS="1")
        self.processes = [*self.nodes, self.coordinator, self.server]
        self.key = authority.Key(ACCESS_KEY, SECRET_KEY)
        servers.wait_until(lambda: not self.honest_requests(), self.coordinator.process, "the cluster", 0.2)

    def _start(self, role, name, s3=False, **settings):
        port, s3_port = servers.free_port(), servers.free_port() if s3 else None
        environment = {
            "PATH": os.environ.get("PATH", ""), "HOST": "127.0.0.1", "PORT": str(port), "S3_PORT": str(s3_port or "off"),
            "BASE_STORAGE_PATH": str(self.work / name), "REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(self.redis_port),
            "CLUSTER_SECRET": CLUSTER_SECRET, "ACCESS_KEY": ACCESS_KEY, "SECRET_KEY": SECRET_KEY,
            "REPLICATION_FACTOR": str(NODES) if role == "coordinator" else "1", "MIN_FREE_SPACE": "16M",
            "NODE_HEARTBEAT_INTERVAL": "0.5", "NODE_TIMEOUT": "5", "UPLOAD_MEMORY": "64M", "VOLUME_SIZE": "64M",
            "MULTIPART_EXPIRY": "20", "REQUEST_TIMEOUT": "5", "IDLE_TIMEOUT": "5",
            "SWIFT_BACKTRACE": "enable=yes,color=no,interactive=no,output-to=stderr,threads=crashed,registers=none,images=none",
            **settings}
        process = self.running.start([self.program, role], self.work / f"{name}.log", env=environment)
        servers.wait_until(lambda: servers.get(f"http://127.0.0.1:{port}/health")[0] == 200, process, name)
        return Observed(name, process, port, s3_port)

    def honest_requests(self):
        """Puts and gets an object by each API; -> what did not work."""
        problems = []
        body = os.urandom(3000)
        for process in (self.coordinator, self.server):
            headers = {"Authorization": f"Bearer {ACCESS_KEY}:{SECRET_KEY}", "Content-Type": "text/plain"}
            url = f"http://127.0.0.1:{process.port}/blob/honest"
            problems += _round_trip(process.name, url, url, body, headers, headers)
            host = f"127.0.0.1:{process.s3_port}"
            bucket = self.key.signed("PUT", host, "/honest", b"")
            if servers.put(f"http://{host}/honest", None, headers=bucket) not in (200, 409):
                problems.append(f"{process.name} makes no bucket any more")
            url = f"http://{host}/honest/key"
            problems += _round_trip(
                f"{process.name} (S3)", url, url, body, self.key.signed("PUT", host, "/honest/key", body),
                self.key.signed("GET", host, "/honest/key", b""))
        return problems

    def observe(self):
        return {process.name: process.observe() for process in self.processes}

    def memory(self):
        """-> the MiB of each process, as a line."""
        return ", ".join(f"{process.name} {process.observe()[0]:.0f}" for process in self.processes) + " MiB"

    def compare(self, first, growth):
        """Waits until memory and descriptors are as they were; -> what isn't."""
        end = time.monotonic() + SETTLE_SECONDS_MAX
        while True:
            problems, figures = [], []
            for process in self.processes:
                before, now = first[process.name], process.observe()
                figures.append(f"{process.name}: {before[0]:.0f} → {now[0]:.0f} MiB, {before[1]} → {now[1]} sockets, "
                               f"{before[2]} → {now[2]} files")
                if now[0] > before[0] + growth:
                    problems.append(f"{process.name} grew from {before[0]:.0f} to {now[0]:.0f} MiB")
                if now[1] > before[1] + SOCKETS_MORE_MAX:
                    problems.append(f"{process.name} had {before[1]} sockets and has {now[1]}")
                if now[2] > before[2] + FILES_MORE_MAX:
                    problems.append(f"{process.name} had {before[2]} files and has {now[2]}")
            if not problems or time.monotonic() >= end:
                for line in figures:
                    print(f"attack: {line}", flush=True)
                return problems
            time.sleep(0.5)


def _round_trip(name, put_url, get_url, body, put_headers, get_headers):
    status = servers.put(put_url, body, headers=put_headers)
    if status not in (200, 201):
        return [f"{name} answers an honest PUT with {status}"]
    try:
        with urllib.request.urlopen(urllib.request.Request(get_url, headers=get_headers), timeout=30) as answer:
            return [] if answer.read() == body else [f"{name} gives other bytes than it took"]
    except OSError as error:
        return [f"{name} answers an honest GET with {error}"]
