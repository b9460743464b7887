"""The generators of load, and what the operating system knows of a process. All of them cost little beside a server."""

import json
import os
import pathlib
import re
import subprocess
import time

import servers

CONNECTIONS = 64
STREAMS = 4
MIB = 1 << 20
# One thread of wrk makes far more requests than two cores can answer; more would take the server's processor away.
WRK_THREADS = max(1, (os.cpu_count() or 1) // 4)
SMALL_LOAD = pathlib.Path(__file__).with_name("small.lua")


def small(server, load, seconds, *, first=0, count=0, size=0):
    """Runs wrk with `small.lua`; -> its result, with the `rate` a second, and `cpu_us` of the server for each request."""
    return run_wrk(server, seconds, LOAD=load, PREFIX=server.prefix, FIRST=str(first), COUNT=str(count), SIZE=str(size))


def heads(server, file, seconds, body=""):
    """Sends the request heads in a file, each with the body in another one; -> as `small`."""
    return run_wrk(server, seconds, LOAD="heads", HEADS=str(file), BODY=str(body))


def run_wrk(server, seconds, **variables):
    environment = dict(os.environ, THREADS=str(WRK_THREADS), **variables)
    command = [servers.find_tool("wrk"), "-t", str(WRK_THREADS), "-c", str(CONNECTIONS), "-d", f"{seconds}s",
               "--timeout", "10s", "-s", str(SMALL_LOAD), server.url]
    before = processor_seconds_of_all(server.process.pid)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=seconds + 60)
    processor = processor_seconds_of_all(server.process.pid) - before
    lines = done.stdout.strip().splitlines()
    if done.returncode != 0 or not lines or not lines[-1].startswith("{"):
        raise servers.Failure(f"wrk failed on {server.url}: {done.stdout}{done.stderr}")
    result = json.loads(lines[-1])
    result["rate"] = (result["requests"] - result["refused"]) / result["seconds"]
    result["cpu_us"] = processor * 1e6 / max(1, result["requests"])
    return result


def fill(server, count, size):
    """Stores the blobs b0 to b(count-1)."""
    first = 0
    while first < count + CONNECTIONS:  # what is under way when wrk ends may not have been stored
        result = small(server, "fill", 3, first=max(0, first - CONNECTIONS), count=count, size=size)
        if result["requests"] == result["refused"]:
            raise servers.Failure(f"{server.name} refuses every PUT")
        first += result["requests"]


def large(server, names, file, upload):
    """Moves a file with one curl for each stream; -> MiB a second."""
    processes = []
    size = os.path.getsize(file)
    start = time.monotonic()
    for stream in range(min(STREAMS, len(names))):
        command = ["curl", "--silent", "--show-error", "--fail", "--header", "Expect:"]
        for name in names[stream::STREAMS]:
            command += ["--output", "/dev/null"]
            command += ["--upload-file", str(file)] if upload else []
            command += [server.address("PUT" if upload else "GET", name)]
        processes.append(subprocess.Popen(command, stderr=subprocess.PIPE, text=True))
    try:
        for process in processes:
            errors = process.communicate(timeout=120)[1]
            if process.returncode != 0:
                raise servers.Failure(f"curl failed on {server.name}: {errors}")
    finally:
        for process in processes:
            if process.poll() is None:
                process.kill()
    return len(names) * size / MIB / (time.monotonic() - start)


def disk_write(directory, mebibytes):
    """-> MiB a second of one writer that syncs every 8 MiB."""
    file = directory / "fio"
    command = [servers.find_tool("fio"), "--name=disk", f"--filename={file}", "--rw=write", "--bs=8M", "--fdatasync=1",
               f"--size={mebibytes}M", "--output-format=json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    file.unlink(missing_ok=True)
    if done.returncode != 0:
        raise servers.Failure(f"fio failed: {done.stderr}")
    output = done.stdout
    return json.loads(output[output.index("{"):])["jobs"][0]["write"]["bw_bytes"] / MIB


def weed_benchmark(seaweedfs, count, size):
    """-> PUTs a second of SeaweedFS's own benchmark against its volumes, without names."""
    command = [seaweedfs.program, "benchmark", f"-master={seaweedfs.master}", "-c", str(CONNECTIONS),
               "-size", str(size), "-n", str(count), "-writeOnly", f"-list={seaweedfs.directory}.list"]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=120)
    rate = re.search(r"Requests per second:\s+([\d.]+)", done.stdout)
    failed = re.search(r"Failed requests:\s+(\d+)", done.stdout)
    if done.returncode != 0 or not rate or not failed or failed[1] != "0":
        raise servers.Failure(f"weed benchmark failed: {done.stdout[-1000:]}{done.stderr[-1000:]}")
    return float(rate[1])


def memory(pid, field="VmRSS"):
    """-> bytes; VmRSS is what is in memory now, VmHWM the most that ever was."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(rf"^{field}:\s+(\d+) kB", status, re.MULTILINE)[1]) * 1024


def processor_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def processor_seconds_of_all(pid):
    """-> those of a process and of its children, such as nginx's workers."""
    return sum(processor_seconds(number) for number in [pid, *children(pid)])


def children(pid):
    return [int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def machine_is_busy(seconds=2):
    """-> the share of the processors that others use, 0 to 1."""
    def times():
        fields = [int(field) for field in pathlib.Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
        return fields[3] + fields[4], sum(fields)
    idle, total = times()
    time.sleep(seconds)
    idle_after, total_after = times()
    return 1 - (idle_after - idle) / (total_after - total)
