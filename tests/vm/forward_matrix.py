#!/usr/bin/env python3
"""Rules, address families, protocols and directions of port forwards, all in one guest.

    forward_matrix.py rules BASE         prints "portForwards" for lima.yaml; ports from BASE on are used
    forward_matrix.py run BASE NAME TOOL runs every case against the instance, with port_tool in it

Every rule is about a block of ports, one for each address that something listens on in the guest. What
the rules make of each of them is in the tables, by hand.
"""
import json
import os
import socket
import subprocess
import sys
import threading
import time

BASE = int(sys.argv[2])
ADDRESSES = ["127.0.0.1", "0.0.0.0", "::1", "::", "192.168.5.15", "127.0.0.53"]
BLOCK = 10  # ports of a rule
HOST = 400  # where the ports of the host that rules name begin
DEADLINE_S = 60

# What becomes of a listener: M = goes where the rule says, F = the fallback has it (127.0.0.1, the same
# port), - = it is not forwarded. In the order of ADDRESSES.
RULES = [
    # extra members of the rule, host address to dial, TCP, UDP
    (None, "127.0.0.1", "FFFF--", "FFFF--"),
    ({}, "127.0.0.1", "MMMM--", "MMMM--"),
    ({"hostIP": "0.0.0.0"}, "127.0.0.2", "MMMM--", "MMMM--"),
    ({"hostIP": "::1"}, "::1", "MMMM--", "MMMM--"),
    ({"hostIP": "::"}, "127.0.0.1", "MMMM--", "MMMM--"),
    ({"guestIP": "0.0.0.0"}, "127.0.0.1", "FMFM--", "FMFM--"),
    ({"guestIPMustBeZero": True}, "127.0.0.1", "FMFM--", "FMFM--"),
    ({"guestIP": "0.0.0.0", "guestIPMustBeZero": False}, "127.0.0.1", "MMMMMM", "MMMMMM"),
    ({"guestIP": "::"}, "127.0.0.1", "MMMMMM", "MMMMMM"),
    ({"guestIP": "::1"}, "127.0.0.1", "FMMM--", "FMMM--"),
    ({"guestIP": "192.168.5.15"}, "127.0.0.1", "FMFMM-", "FMFMM-"),
    ({"ignore": True}, "127.0.0.1", "-F-F--", "-F-F--"),
    ({"ignore": True, "guestIP": "0.0.0.0"}, "127.0.0.1", "F-F---", "F-F---"),
    ({"ignore": True, "guestIP": "0.0.0.0", "guestIPMustBeZero": False}, "127.0.0.1", "------", "------"),
    ({"proto": "tcp"}, "127.0.0.1", "MMMM--", "FFFF--"),
    ({"proto": "udp"}, "127.0.0.1", "FFFF--", "MMMM--"),
    ({"proto": "tcp", "ignore": True}, "127.0.0.1", "-F-F--", "FFFF--"),
]
OTHER = BASE + len(RULES) * BLOCK  # ports of the rules below
OTHERS = [
    {"guestSocket": "/run/a.sock", "hostSocket": "a.sock"},
    {"guestSocket": "/run/b.sock", "hostPort": OTHER + HOST},
    {"guestPort": OTHER + 1, "hostSocket": "c.sock"},
    {"guestPort": OTHER + 2, "hostPort": OTHER + HOST + 2, "static": True},
    {"guestPort": OTHER + 3, "hostPort": OTHER + HOST + 3, "reverse": True, "proto": "tcp"},
    {"guestPort": OTHER + 4, "hostPort": OTHER + HOST + 4, "reverse": True, "proto": "udp"},
    {"guestIP": "::1", "guestPort": OTHER + 5, "hostPort": OTHER + HOST + 5, "reverse": True},
    {"guestIP": "0.0.0.0", "guestPort": OTHER + 6, "hostPort": OTHER + HOST + 6, "reverse": True},
    {"guestPort": OTHER + 7, "hostSocket": "d.sock", "reverse": True},
    {"guestSocket": "/run/e.sock", "hostPort": OTHER + HOST + 8, "reverse": True},
    {"guestSocket": "/run/f.sock", "hostSocket": "f.sock", "reverse": True},
]


def rules():
    out = []
    for i, (extra, _, _, _) in enumerate(RULES):
        if extra is None:
            continue
        first = BASE + i * BLOCK
        last = first + len(ADDRESSES) - 1
        rule = {"guestPortRange": [first, last], **extra}
        if not extra.get("ignore"):
            rule["hostPortRange"] = [first + HOST, last + HOST]
        out.append(rule)
    return out + OTHERS


class Tool:
    """port_tool in the guest."""

    def __init__(self, name):
        self.process = subprocess.Popen(
            ["limactl", "shell", "--workdir", "/", name, "sudo", "/tmp/port_tool"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

    def __call__(self, line):
        self.process.stdin.write(line + "\n")
        return self.process.stdout.readline().rstrip("\n")

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def ports(name):
    out = subprocess.run(["limactl", "port", "list", "--json", name], check=True, capture_output=True)
    return [json.loads(line) for line in out.stdout.splitlines()]


def wait_for(what, condition):
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        if time.monotonic() > deadline:
            sys.exit(f"never true: {what}")
        time.sleep(0.05)


def sock_of(address, kind):
    family = socket.AF_UNIX if "/" in str(address) else socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    sock = socket.socket(family, kind)
    sock.settimeout(DEADLINE_S)
    return sock


def ask(proto, address, text):
    """What the other side answers to the text; None when nobody is there."""
    with sock_of(address, socket.SOCK_DGRAM if proto == "udp" else socket.SOCK_STREAM) as sock:
        try:
            sock.connect(address)
            sock.sendall(text.encode())
            if proto == "udp":
                return sock.recv(2048).decode()
            sock.shutdown(socket.SHUT_WR)
            out = b""
            while chunk := sock.recv(2048):
                out += chunk
            return out.decode()
        except (ConnectionRefusedError, FileNotFoundError):
            return None
        except OSError as error:
            return f"{error}"


def answer_once(proto, sock):
    """Serves one peer on the host in the way port_tool does."""
    if proto == "udp":
        text, peer = sock.recvfrom(2048)
        sock.sendto(b"host " + text, peer)
        return
    peer, _ = sock.accept()
    with peer:
        text = b""
        while chunk := peer.recv(2048):
            text += chunk
        peer.sendall(b"host " + text)


class Report:
    def __init__(self):
        self.n = 0
        self.bad = 0

    def check(self, what, got, want):
        self.n += 1
        if got != want:
            self.bad += 1
            print(f"{what}: got {got!r}, want {want!r}")


def listeners():
    """(rule, proto, address, guest port, where it appears on the host or None)"""
    for i, (extra, host, *fates) in enumerate(RULES):
        for proto, fate in zip(("tcp", "udp"), fates):
            for j, address in enumerate(ADDRESSES):
                port = BASE + i * BLOCK + j
                where = {"M": (host, port + HOST), "F": ("127.0.0.1", port), "-": None}[fate[j]]
                yield extra, proto, address, port, where


def guest_addr(address, port):
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def is_bound(proto, port):
    """Does anybody have this port of 127.0.0.1?"""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM if proto == "udp" else socket.SOCK_STREAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, proto == "tcp")
        try:
            sock.bind(("127.0.0.1", port))
            return False
        except OSError:
            return True


def run_listeners(name, tool, report):
    wanted = set()
    for _, proto, address, port, where in listeners():
        done = tool(f"listen {proto} {address} {port}")
        if done != "ok":
            sys.exit(f"the guest cannot listen on {proto} {address}:{port}: {done}")
        wanted.add((proto, guest_addr(address, port)))
    wait_for("the host knows all ports",
             lambda: wanted <= {(p["protocol"], p["guestAddr"]) for p in ports(name)})
    for extra, proto, address, port, where in listeners():
        what = f"{extra}: {proto} {address}"
        if where:
            report.check(what, ask(proto, where, f"q{port}"), f"{proto} {port} q{port}")
        else:
            report.check(what, (is_bound(proto, port), is_bound(proto, port + HOST)), (False, False))
    tool("close")
    wait_for("the host has forgotten all ports",
             lambda: not wanted & {(p["protocol"], p["guestAddr"]) for p in ports(name)})
    left = [(proto, port) for _, proto, _, port, _ in listeners()
            if is_bound(proto, port) or is_bound(proto, port + HOST)]
    report.check("ports that are left", left, [])


def run_sockets(name, tool, report):
    sock_dir = f"{os.environ['LIMA_HOME']}/{name}/sock"

    for line in ("unix /run/a.sock 0", "unix /run/b.sock 0", f"tcp 127.0.0.1 {OTHER + 1}",
                 f"tcp 127.0.0.1 {OTHER + 2}"):
        report.check(f"listen {line}", tool(f"listen {line}"), "ok")
    report.check("socket to socket", ask("tcp", f"{sock_dir}/a.sock", "x"), "unix 0 x")
    report.check("port to socket", ask("tcp", ("127.0.0.1", OTHER + HOST), "x"), "unix 0 x")
    wait_for("the socket of a port", lambda: os.path.exists(f"{sock_dir}/c.sock"))
    report.check("socket to port", ask("tcp", f"{sock_dir}/c.sock", "x"), f"tcp {OTHER + 1} x")
    report.check("static", ask("tcp", ("127.0.0.1", OTHER + HOST + 2), "x"), f"tcp {OTHER + 2} x")
    report.check("permissions", oct(os.stat(f"{sock_dir}/a.sock").st_mode & 0o777), "0o600")
    tool("close")
    report.check("static, and nobody is there", ask("tcp", ("127.0.0.1", OTHER + HOST + 2), "x"),
                 "[Errno 104] Connection reset by peer")


def run_reverse(name, tool, report):
    sock_dir = f"{os.environ['LIMA_HOME']}/{name}/sock"
    reverse = [  # proto of the guest, address, port, proto of the host, its address
        ("tcp", "127.0.0.1", OTHER + 3, "tcp", ("127.0.0.1", OTHER + HOST + 3)),
        ("udp", "127.0.0.1", OTHER + 4, "udp", ("127.0.0.1", OTHER + HOST + 4)),
        ("tcp", "::1", OTHER + 5, "tcp", ("127.0.0.1", OTHER + HOST + 5)),
        ("udp", "::1", OTHER + 5, "udp", ("127.0.0.1", OTHER + HOST + 5)),
        ("tcp", "192.168.5.15", OTHER + 6, "tcp", ("127.0.0.1", OTHER + HOST + 6)),
        ("udp", "127.0.0.1", OTHER + 6, "udp", ("127.0.0.1", OTHER + HOST + 6)),
        ("tcp", "127.0.0.1", OTHER + 7, "tcp", f"{sock_dir}/d.sock"),
        ("unix", "/run/e.sock", 0, "tcp", ("127.0.0.1", OTHER + HOST + 8)),
        ("unix", "/run/f.sock", 0, "tcp", f"{sock_dir}/f.sock"),
    ]
    wait_for("the guest listens", lambda: all(
        p["state"] == "open" for p in ports(name) if p["direction"] == "guest-to-host"))
    for proto, address, port, host_proto, host in reverse:
        what = f"reverse {proto} {address} to {host}"
        if proto != "udp":
            report.check(f"{what}, nobody is there", tool(f"ask {proto} {address} {port} y"), "answer ")
        with sock_of(host, socket.SOCK_DGRAM if host_proto == "udp" else socket.SOCK_STREAM) as sock:
            if host_proto == "tcp":
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(host)
            if host_proto == "tcp":
                sock.listen()
            thread = threading.Thread(target=answer_once, args=(host_proto, sock), daemon=True)
            thread.start()
            report.check(what, tool(f"ask {proto} {address} {port} z"), "answer host z")
            thread.join(DEADLINE_S)
        if isinstance(host, str):
            os.unlink(host)


def main():
    if sys.argv[1] == "rules":
        print("portForwards: " + json.dumps(rules()))
        return
    name = sys.argv[3]
    with open(sys.argv[4], "rb") as program:
        subprocess.run(["limactl", "shell", "--workdir", "/", name, "sh", "-c",
                        "cat >/tmp/port_tool && chmod 755 /tmp/port_tool"], stdin=program, check=True)
    tool, report = Tool(name), Report()
    run_listeners(name, tool, report)
    run_sockets(name, tool, report)
    run_reverse(name, tool, report)
    tool.end()
    print(f"{report.n} cases, {report.bad} failed")
    sys.exit(1 if report.bad else 0)


main()
