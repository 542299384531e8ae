#!/usr/bin/env python3
"""Listens on a Unix socket, as the caller of `privileged` does, and prints what is brought: the user at the other
end, the bytes, and for each descriptor what it is.

    descriptor_taker.py SOCKET
"""
import array
import os
import socket
import stat
import struct
import sys

path = sys.argv[1]
with socket.socket(socket.AF_UNIX) as server:
    server.bind(path)
    server.listen(1)
    print("listening", flush=True)
    connection, _ = server.accept()
    pid, uid, gid = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    data, ancillary, _, _ = connection.recvmsg(4096, socket.CMSG_SPACE(16))
    print("from", uid)
    print("bytes", data.decode())
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            for fd in array.array("i", content):
                status = os.fstat(fd)
                kind = "block" if stat.S_ISBLK(status.st_mode) else "other"
                print(kind, os.major(status.st_rdev), os.minor(status.st_rdev))
