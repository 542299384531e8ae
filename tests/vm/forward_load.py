#!/usr/bin/env python3
"""Forwards of one guest under load and mishaps: nothing may grow, stall or stay away.

    forward_load.py NAME PORT_TOOL STREAM_PEER BASE small|full

Ports from BASE on are used. Prints what was done, and fails when something was left behind.
"""
import concurrent.futures
import contextlib
import os
import resource
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

NAME, PORT_TOOL, STREAM_PEER, BASE = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
FULL = sys.argv[5] == "full"
SHORT, AT_ONCE, LISTENERS, STORM, PAUSE_S = (50000, 2000, 1000, 5000, 60) if FULL else (1500, 300, 200, 400, 5)
DEADLINE_S = 600 if FULL else 120
PSS_KIB_MAX = 2048
DIR = f"{os.environ['LIMA_HOME']}/{NAME}"
WORKERS = 16


def pid_of(what):
    with open(f"{DIR}/{what}.pid") as file:
        return int(file.read())


def guest(command, **more):
    return subprocess.run(["limactl", "shell", "--workdir", "/", NAME, "sh", "-c", command], check=True, **more)


def put(path, name):
    with open(path, "rb") as program:
        guest(f"cat >/tmp/{name} && chmod 755 /tmp/{name}", stdin=program)


def wait_for(what, condition):
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        if time.monotonic() > deadline:
            sys.exit(f"never true: {what}")
        time.sleep(0.05)


def is_open(port):
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


class Tool:
    """port_tool in the guest."""

    def __init__(self):
        self.process = subprocess.Popen(
            ["limactl", "shell", "--workdir", "/", NAME, "sudo", "/tmp/port_tool"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

    def __call__(self, line):
        self.process.stdin.write(line + "\n")
        answer = self.process.stdout.readline().rstrip("\n")
        if answer != "ok":
            sys.exit(f"{line}: {answer}")


def echo_stream():
    """A connection to stream_peer that echoes."""
    sock = socket.create_connection(("127.0.0.1", BASE), timeout=DEADLINE_S)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.sendall(struct.pack("<QQ", ord("E"), 0))
    return sock


def exchange(sock):
    sock.sendall(b"x")
    if sock.recv(1) != b"x":
        raise ConnectionError("the stream has ended")


def short_connection(_):
    with echo_stream() as sock:
        exchange(sock)


def short_connections(n):
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        for _ in pool.map(short_connection, range(n), chunksize=1):
            pass


def connections_at_once(n):
    socks = [echo_stream() for _ in range(n)]
    for sock in socks:
        exchange(sock)
    for sock in socks:
        sock.close()


def listeners(tool, n):
    first = BASE + 1
    for port in range(first, first + n):
        tool(f"listen tcp 127.0.0.1 {port}")
    wait_for("all ports are forwarded", lambda: is_open(first) and is_open(first + n - 1))
    closed = [port for port in range(first, first + n) if not is_open(port)]
    if closed:
        sys.exit(f"not forwarded: {closed}")
    tool("close")
    wait_for("no port is forwarded", lambda: not any(map(is_open, range(first, first + n))))


def storm(tool, n):
    tool(f"storm tcp 127.0.0.1 {BASE + 1} {n}")
    tool(f"listen tcp 127.0.0.1 {BASE + n + 1}")
    wait_for("a port after the storm", lambda: is_open(BASE + n + 1))
    tool("close")
    wait_for("its end", lambda: not is_open(BASE + n + 1))
    left = [port for port in range(BASE + 1, BASE + n + 1) if is_open(port)]
    if left:
        sys.exit(f"ports that are left: {left}")


def fill(sock):
    """Sends without reading, until nothing goes through any more; how much went."""
    sent = 0
    while select.select([], [sock], [], 2)[1]:
        sent += sock.send(bytes(65536), socket.MSG_DONTWAIT)
    return sent


def peer_that_never_reads():
    """What is echoed is not read: both directions stop, and others are not hindered."""
    with echo_stream() as deaf:
        fill(deaf)
        short_connections(20)


def drain(sock):
    """Reads until the end; how much there was."""
    got = 0
    while chunk := sock.recv(1 << 20):
        got += len(chunk)
    return got


def late_readers(n, held_before):
    """The same, and then everything is read: not a byte is missing, and what had waited is not kept in
    memory, though a younger connection is still there."""
    with concurrent.futures.ThreadPoolExecutor(n) as pool, contextlib.ExitStack() as stack:
        socks = [stack.enter_context(echo_stream()) for _ in range(n)]
        sent = list(pool.map(fill, socks))
        younger = stack.enter_context(echo_stream())
        exchange(younger)
        for sock in socks:
            sock.shutdown(socket.SHUT_WR)
        got = list(pool.map(drain, socks))
        if got != sent:
            sys.exit(f"{sent} bytes went in, {got} came back")
        kept = all_held()["devices"][1] - held_before
        if kept > PSS_KIB_MAX:
            sys.exit(f"{kept} KiB are kept for connections that have ended")


def byte_by_byte(n):
    with echo_stream() as sock:
        for _ in range(n):
            exchange(sock)


def pause(seconds):
    """QEMU stands still. A connection from before goes on afterwards, one that is made meanwhile waits,
    or is reset when the guest does not answer for half a minute."""
    qemu = pid_of("qemu")
    with echo_stream() as before:
        exchange(before)
        os.kill(qemu, signal.SIGSTOP)
        try:
            before.sendall(b"y")
            meanwhile = echo_stream()
            meanwhile.sendall(b"z")
            time.sleep(seconds)
        finally:
            os.kill(qemu, signal.SIGCONT)
        if before.recv(1) != b"y":
            sys.exit("a connection did not survive the pause")
        try:
            got = meanwhile.recv(1)
        except ConnectionResetError:
            got = b"z" if seconds > 25 else b""
        meanwhile.close()
        if got != b"z":
            sys.exit("a connection made in the pause was lost")
    short_connection(None)


def kill_host_agent():
    """Connections live on without it; forwards come back with the next."""
    with echo_stream() as sock:
        exchange(sock)
        os.kill(pid_of("ha"), signal.SIGKILL)
        exchange(sock)
        wait_for("its ports are closed", lambda: not is_open(BASE))
        exchange(sock)
        subprocess.run(["limactl", "start", "--tty=false", NAME], check=True, capture_output=True)
        exchange(sock)
    wait_for("the port is there again", lambda: is_open(BASE))
    short_connections(20)


def kill_guest_agent():
    """Connections end, cleanly; forwards come back."""
    with echo_stream() as sock:
        exchange(sock)
        guest("sudo kill -9 $(pidof lima-guestagent)")
        try:
            left = sock.recv(1)
        except ConnectionResetError:
            left = b""
        if left:
            sys.exit("a connection without an end")

    def answers():
        try:
            short_connection(None)
            return True
        except OSError:
            return False

    wait_for("the port is there again", answers)


def held(pid):
    """Descriptors, and memory without the guest's, in KiB."""
    sizes = {}
    with open(f"/proc/{pid}/smaps_rollup") as file:
        for line in file.readlines()[1:]:
            sizes[line.split(":")[0]] = int(line.split()[1])
    return len(os.listdir(f"/proc/{pid}/fd")), sizes["Pss"] - sizes["Pss_Shmem"]


def all_held():
    return {what: held(pid_of(what)) for what in ("ha", "devices")}


def step(what, function, *args):
    begin = time.monotonic()
    function(*args)
    print(f"{what}: {time.monotonic() - begin:.1f} s", flush=True)


def main():
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    put(PORT_TOOL, "port_tool")
    put(STREAM_PEER, "stream_peer")
    guest(f"sudo sh -c 'ulimit -n 65536; setsid /tmp/stream_peer {BASE} </dev/null >/dev/null 2>&1 &'")
    wait_for("the guest's program is forwarded", lambda: is_open(BASE))
    tool = Tool()
    short_connections(200)
    listeners(tool, 50)
    before = all_held()
    step(f"{SHORT} short connections", short_connections, SHORT)
    step(f"{AT_ONCE} connections at once", connections_at_once, AT_ONCE)
    step(f"{LISTENERS} listeners", listeners, tool, LISTENERS)
    step(f"{STORM} ports opened and closed", storm, tool, STORM)
    step("a peer that never reads", peer_that_never_reads)
    step("peers that read late", late_readers, 8, before["devices"][1])
    step("byte by byte", byte_by_byte, 500)
    step(f"a pause of {PAUSE_S} s", pause, PAUSE_S)
    wait_for("no descriptor is left",
             lambda: all(all_held()[what][0] <= before[what][0] for what in before))
    after = all_held()
    bad = False
    for what in before:
        grown = after[what][1] - before[what][1]
        bad = bad or grown > PSS_KIB_MAX
        print(f"{what}: {before[what][0]} -> {after[what][0]} descriptors, "
              f"{before[what][1]} -> {after[what][1]} KiB")
    step("a killed host agent", kill_host_agent)
    step("a killed guest agent", kill_guest_agent)
    tool.process.stdin.close()
    tool.process.wait()
    sys.exit("memory has grown" if bad else 0)


threading.stack_size(256 * 1024)
main()
