#!/usr/bin/env python3
"""How fast the ports of a guest come and go on the host.

    discovery.py NAME PORT_TOOL FIRST_PORT TIMES

Prints two numbers in milliseconds, medians: from before listen() in the guest to the host's port being
open, from before close() to its being gone. What ssh needs to tell port_tool is taken off.
"""
import statistics
import subprocess
import sys
import time

NAME, PORT_TOOL, FIRST, TIMES = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
DEADLINE_S = 30
LISTENS = "0A"
PAUSE_S = 0.3  # things settle, as between the doings of people


def is_open(port):
    """Without connecting, which would be work for the guest."""
    with open("/proc/net/tcp") as file:
        next(file)
        return any(words[3] == LISTENS and int(words[1].split(":")[1], 16) == port
                   for words in map(str.split, file))


def wait_until(condition):
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        if time.monotonic() > deadline:
            sys.exit("discovery.py: a port neither comes nor goes")
        time.sleep(0.0005)
    return time.monotonic()


class Tool:
    def __init__(self):
        shell = ["limactl", "shell", "--workdir", "/", NAME]
        with open(PORT_TOOL, "rb") as program:
            subprocess.run(shell + ["sh", "-c", "cat >/tmp/port_tool && chmod 755 /tmp/port_tool"],
                           stdin=program, check=True)
        self.process = subprocess.Popen(shell + ["/tmp/port_tool"], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, bufsize=1)

    def tell(self, line):
        begin = time.monotonic()
        self.process.stdin.write(line + "\n")
        return begin

    def hear(self):
        if self.process.stdout.readline() != "ok\n":
            sys.exit("discovery.py: port_tool refuses")
        return time.monotonic()


def main():
    tool = Tool()
    opened, gone, way = [], [], []
    for i in range(TIMES + 1):
        begin = tool.tell("close")  # nothing is there to close: only the way there and back
        way.append((tool.hear() - begin) / 2)
        time.sleep(PAUSE_S)
        begin = tool.tell(f"listen tcp 127.0.0.1 {FIRST + i}")
        opened.append(wait_until(lambda: is_open(FIRST + i)) - begin)
        tool.hear()
        time.sleep(PAUSE_S)
        begin = tool.tell("close")
        gone.append(wait_until(lambda: not is_open(FIRST + i)) - begin)
        tool.hear()
    for times in opened, gone:  # the first ones find nothing in the caches
        print(f"{max(0, statistics.median(times[1:]) - statistics.median(way[1:])) * 1000:.1f}", end=" ")
    print()


main()
