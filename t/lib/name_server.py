#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0

# A name server for one name, whose addresses are in a file, read anew for each
# question; they are good for a second.
#
#   name_server.py PORT FILE

import socket
import struct
import sys

A = 1


def answer(question):
    number, = struct.unpack('!H', question[:2])
    end = question.index(b'\0', 12) + 5
    kind, = struct.unpack('!H', question[end - 4:end - 2])
    with open(sys.argv[2]) as f:
        addresses = f.read().split() if kind == A else []
    head = struct.pack('!HHHHHH', number, 0x8580, 1, len(addresses), 0, 0)
    records = b''.join(struct.pack('!HHHIH', 0xc00c, A, 1, 1, 4)
                       + socket.inet_aton(a) for a in addresses)
    return head + question[12:end] + records


def main():
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(('127.0.0.1', int(sys.argv[1])))
    while True:
        question, who = sock.recvfrom(512)
        sock.sendto(answer(question), who)


main()
