#!/usr/bin/env python3
"""A name server on 127.0.0.1 for tests, UDP and TCP on one port.

    name_server.py ZONE PORT_FILE

ZONE has a record a line: NAME TYPE DATA..., in the words of zone files; TYPE nnn has hexadecimal data. A
name that is not in it does not exist. The port is written to PORT_FILE when it answers.
"""
import ipaddress
import os
import socketserver
import struct
import sys
import threading

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "SRV": 33}
NAMES_OF = {"NS": 0, "CNAME": 0, "PTR": 0, "MX": 1, "SRV": 3}  # numbers in front of the name
TTL_S = 60
OPT = 41
NXDOMAIN = 3


def encode_name(name):
    labels = [label.encode() for label in name.split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def encode_data(kind, words):
    if kind in ("A", "AAAA"):
        return ipaddress.ip_address(words[0]).packed
    if kind == "TXT":
        return b"".join(bytes([len(word)]) + word.encode() for word in words)
    if kind in NAMES_OF:
        n = NAMES_OF[kind]
        return b"".join(struct.pack(">H", int(word)) for word in words[:n]) + encode_name(words[n])
    return bytes.fromhex(words[0])


def read_zone(path):
    zone = {}
    with open(path, encoding="ascii") as lines:
        for line in lines:
            words = line.split()
            if words:
                name, kind, data = words[0], words[1], words[2:]
                number = TYPES.get(kind) or int(kind.removeprefix("TYPE"))
                zone.setdefault(encode_name(name).lower(), []).append((number, encode_data(kind, data)))
    return zone


def answer(query, is_udp):
    ident, flags, _, _, _, n_additional = struct.unpack(">6H", query[:12])
    end = query.index(b"\0", 12) + 1
    name, (kind, _) = query[12:end].lower(), struct.unpack(">HH", query[end:end + 4])
    size, opt = 512, b""
    if n_additional:
        number, taken = struct.unpack(">HH", query[end + 5:end + 9])
        if number == OPT:
            size, opt = max(taken, 512), b"\0" + struct.pack(">HHIH", OPT, 4096, 0, 0)
    known = ZONE.get(name)
    found = [data for number, data in known or [] if number == kind]
    records = b"".join(b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, TTL_S, len(data)) + data for data in found)
    flags = flags & 0x0100 | 0x8080 | (0 if known else NXDOMAIN)
    if is_udp and end + 4 + len(records) + len(opt) > size:
        flags, found, records = flags | 0x0200, [], b""
    head = struct.pack(">6H", ident, flags, 1, len(found), 0, 1 if opt else 0)
    return head + query[12:end + 4] + records + opt


class Udp(socketserver.BaseRequestHandler):
    def handle(self):
        query, sock = self.request
        sock.sendto(answer(query, True), self.client_address)


class Tcp(socketserver.StreamRequestHandler):
    def handle(self):
        while len(head := self.rfile.read(2)) == 2:
            reply = answer(self.rfile.read(struct.unpack(">H", head)[0]), False)
            self.wfile.write(struct.pack(">H", len(reply)) + reply)


def open_servers():
    while True:
        tcp = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Tcp)
        try:
            return tcp, socketserver.ThreadingUDPServer(tcp.server_address, Udp)
        except OSError:  # the port is taken there
            tcp.server_close()


ZONE = read_zone(sys.argv[1])
servers = open_servers()
for server in servers:
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever).start()
with open(sys.argv[2] + ".new", "w", encoding="ascii") as out:
    out.write(f"{servers[0].server_address[1]}\n")
os.rename(sys.argv[2] + ".new", sys.argv[2])
