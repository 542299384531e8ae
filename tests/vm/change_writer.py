#!/usr/bin/env python3
"""Changes files at random, and prints the events of names that follow, as watch_tool does, but
without the numbers of moves:

    change_writer.py DIRECTORY BELOW PREFIX COUNT SEED

Files are made, written, moved (also over others) and removed in DIRECTORY/BELOW and its folders `1`
and `2`, which must exist; names begin with PREFIX, so that the events of several writers can be
told apart. Everything is removed at the end.
"""
import os
import random
import sys


def main():
    top, below, prefix, count, seed = sys.argv[1:]
    chance = random.Random(int(seed))
    places = [f"{below}/{folder}{prefix}{i}" for folder in ("", "1/", "2/") for i in range(6)]
    present = set()

    def path(name):
        return os.path.join(top, name)

    def make(name):
        with open(path(name), "w", encoding="ascii") as out:
            out.write(str(chance.random()))
        if name not in present:
            print(f"CREATE {name}")
        present.add(name)

    def move(name):
        to = chance.choice([place for place in places if place != name])
        os.rename(path(name), path(to))
        print(f"MOVED_FROM {name}\nMOVED_TO {to}")
        present.discard(name)
        present.add(to)

    def remove(name):
        os.remove(path(name))
        print(f"DELETE {name}")
        present.discard(name)

    for _ in range(int(count)):
        name = chance.choice(places)
        if name not in present:
            make(name)
        else:
            chance.choice([make, move, move, remove])(name)
    for name in sorted(present):
        remove(name)


main()
