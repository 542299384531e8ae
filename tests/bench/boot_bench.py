#!/usr/bin/env python3
"""How long an instance takes to be READY, and how long the same guest takes without our programs.

usage: boot_bench.py LIMACTL INSTANCE ROUNDS

The instance is stopped. In each round it is started with limactl, and then, on a copy of its files,
a QEMU is started by hand with the same arguments but for the sockets, until its ssh port says who it
is and until the instance's last provision script has written BENCH-DONE to the console: what comes
between that and READY is ours. Prints the medians in milliseconds: "READY BANNER DONE".
"""
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

DONE = b"BENCH-DONE"


def inspect(limactl, name):
    out = subprocess.run([limactl, "list", "--json", name], capture_output=True, check=True).stdout
    return json.loads(out)


def start(limactl, name):
    begin = time.monotonic()
    subprocess.run([limactl, "start", "--tty=false", name], capture_output=True, check=True)
    return time.monotonic() - begin


def drop_option(argv, option, pattern):
    kept, i = [], 0
    while i < len(argv):
        if argv[i] == option and re.search(pattern, argv[i + 1]):
            i += 2
            continue
        kept.append(argv[i])
        i += 1
    return kept


def bare_arguments(argv, source, copy, port):
    """The arguments without what only the host agent can serve."""
    argv = [arg.replace(source, copy) for arg in argv]
    argv = [re.sub(r"hostfwd=tcp:127\.0\.0\.1:\d+-", f"hostfwd=tcp:127.0.0.1:{port}-", a) for a in argv]
    argv = drop_option(argv, "-chardev", r"fd=\d+")
    argv = drop_option(argv, "-device", r"vhost-user-|char-vsock|char-fs")
    argv = drop_option(argv, "-qmp", r"")
    return drop_option(argv, "-pidfile", r"")


def has_banner(port):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as conn:
            conn.settimeout(0.3)  # QEMU accepts before the guest does, and then repeats ever more slowly
            return conn.recv(4) == b"SSH-"
    except OSError:
        return False


def is_done(console):
    try:
        with open(console, "rb") as file:
            return DONE in file.read()
    except OSError:
        return False


def wait_for(ready, process):
    while process.poll() is None:
        if ready():
            return time.monotonic()
        time.sleep(0.01)
    sys.exit("the bare QEMU ended: " + process.stderr.read().decode(errors="replace"))


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def bare_boot(argv, source):
    with tempfile.TemporaryDirectory(dir=os.path.dirname(source)) as copy:
        for name in os.listdir(source):
            path = os.path.join(source, name)
            if os.path.isfile(path) and not name.endswith((".log", ".pid")):
                shutil.copy(path, copy)
        port = free_port()
        begin = time.monotonic()
        process = subprocess.Popen(bare_arguments(argv, source, copy, port), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            banner = wait_for(lambda: has_banner(port), process)
            done = wait_for(lambda: is_done(os.path.join(copy, "serial.log")), process)
            return banner - begin, done - begin
        finally:
            process.kill()
            process.wait()


def main():
    limactl, name, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
    ready, banner, done = [], [], []
    for _ in range(rounds):
        ready.append(start(limactl, name))
        inst = inspect(limactl, name)
        with open(f"/proc/{inst['driverPID']}/cmdline", "rb") as file:
            argv = file.read().decode().split("\0")[:-1]
        subprocess.run([limactl, "stop", name], capture_output=True, check=True)
        for times, seconds in zip((banner, done), bare_boot(argv, inst["dir"])):
            times.append(seconds)
    print(*(round(statistics.median(times) * 1000) for times in (ready, banner, done)))


main()
