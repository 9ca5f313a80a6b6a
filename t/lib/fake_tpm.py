#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0

"""A TPM that misbehaves on demand, in front of a real swtpm.

    fake_tpm.py --upstream PORT [--listen PORT] [--mode MODE]
                [--mode-file FILE] [--log FILE]

Listens on 127.0.0.1 (a free port when none is given), prints "PORT <n>" and
speaks swtpm's socket protocol.  MODE, or the content of FILE, which is read
again for each command so that a test can change it on the way:

    pass        every command goes to swtpm and back
    hang        no answer, the connection stays open
    close       the connection is closed instead of an answer
    slow:MS     the answer comes MS milliseconds late
    busy:N      the first N tries of each command get TPM_RC_RETRY
    busy        every command gets TPM_RC_RETRY
    garbage     random bytes
    size        a header that announces 4 GiB
    short       the right answer, cut in the middle, then closed
    body        a right header, then random bytes
    flip        the right answer with one random bit changed
    error:HEX   this response code
    drip        the right answer, one byte per 50 ms

MODE@N: only from the N-th command of a connection on, pass before.
MODE@N-M: only for the N-th to M-th.  --log: one line per command, its name
or number; "connect" for each connection.  Ends when killed.
"""

import argparse
import os
import random
import socket
import struct
import sys
import threading
import time

NAMES = {
    0x131: "CreatePrimary", 0x144: "Startup", 0x14e: "NV_Read",
    0x147: "ActivateCredential", 0x151: "PolicySecret", 0x158: "Quote",
    0x161: "ContextLoad", 0x162: "ContextSave", 0x165: "FlushContext",
    0x169: "NV_ReadPublic", 0x173: "ReadPublic", 0x176: "StartAuthSession",
    0x17a: "GetCapability", 0x17e: "PCR_Read",
}


def read_exact(sock, n):
    data = b""
    while len(data) < n:
        piece = sock.recv(n - len(data))
        if not piece:
            return None
        data += piece
    return data


def read_message(sock):
    head = read_exact(sock, 10)
    if head is None:
        return None
    size = struct.unpack(">I", head[2:6])[0]
    if size < 10 or size > 4096:
        return None
    rest = read_exact(sock, size - 10)
    return None if rest is None else head + rest


def answer(rc):
    return struct.pack(">HII", 0x8001, 10, rc)


class Connection:
    """One client, and our own connection to swtpm on its behalf."""

    lock = threading.Lock()

    def __init__(self, args, sock):
        self.args = args
        self.sock = sock
        self.up = None
        self.tries = {}

    def log(self, line):
        if self.args.log:
            with self.lock, open(self.args.log, "a") as f:
                f.write(line + "\n")

    def mode(self, number):
        mode = self.args.mode
        if self.args.mode_file:
            try:
                with open(self.args.mode_file) as f:
                    mode = f.read().strip() or mode
            except FileNotFoundError:
                pass
        if "@" in mode:
            mode, when = mode.split("@")
            first, dash, last = when.partition("-")
            if number < int(first) or (dash and number > int(last)):
                return "pass", None
        mode, _, arg = mode.partition(":")
        return mode, arg or None

    def pass_on(self, command):
        if self.up is None:
            self.up = socket.create_connection(
                ("127.0.0.1", self.args.upstream))
        self.up.sendall(command)
        reply = read_message(self.up)
        if reply is None:
            raise ConnectionError("swtpm is gone")
        return reply

    def run(self):
        self.log("connect")
        try:
            number = 0
            while True:
                command = read_message(self.sock)
                if command is None:
                    break
                number += 1
                code = struct.unpack(">I", command[6:10])[0]
                self.log(NAMES.get(code, "%#x" % code))
                if not self.one(command, *self.mode(number)):
                    break
        except (ConnectionError, OSError):
            pass
        finally:
            self.sock.close()
            if self.up is not None:
                self.up.close()

    def one(self, command, mode, arg):
        """False: close the connection."""
        send = self.sock.sendall

        if mode == "pass":
            send(self.pass_on(command))
        elif mode == "hang":
            return self.hang()
        elif mode == "close":
            return False
        elif mode == "slow":
            time.sleep(int(arg or 1000) / 1000)
            send(self.pass_on(command))
        elif mode == "busy":
            tries = self.tries.get(command, 0)
            self.tries[command] = tries + 1
            if arg is None or tries < int(arg):
                send(answer(0x922))
            else:
                self.tries.pop(command)
                send(self.pass_on(command))
        elif mode == "garbage":
            send(os.urandom(random.randrange(10, 400)))
        elif mode == "size":
            send(struct.pack(">HII", 0x8001, 0xffffffff, 0))
        elif mode == "short":
            reply = self.pass_on(command)
            send(reply[:random.randrange(1, len(reply))])
            return False
        elif mode == "body":
            reply = self.pass_on(command)
            send(reply[:10] + os.urandom(len(reply) - 10))
        elif mode == "flip":
            reply = bytearray(self.pass_on(command))
            bit = random.randrange(8 * len(reply))
            reply[bit // 8] ^= 1 << bit % 8
            send(bytes(reply))
        elif mode == "error":
            send(answer(int(arg, 16)))
        elif mode == "drip":
            for byte in self.pass_on(command):
                send(bytes([byte]))
                time.sleep(0.05)
        else:
            print("unknown mode %s" % mode, file=sys.stderr)
            return False
        return True

    def hang(self):
        """Until the client gives up."""
        while self.sock.recv(4096):
            pass
        return False


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--listen", type=int, default=0)
    p.add_argument("--upstream", type=int, required=True)
    p.add_argument("--mode", default="pass")
    p.add_argument("--mode-file")
    p.add_argument("--log")
    args = p.parse_args()

    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("127.0.0.1", args.listen))
    server.listen(16)
    print("PORT %d" % server.getsockname()[1], flush=True)

    while True:
        sock, _ = server.accept()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=Connection(args, sock).run,
                         daemon=True).start()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        os._exit(0)
