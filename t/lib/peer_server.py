#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0

# A peer over TLS that is no gateway, or pretends to be one.  What it is sent
# besides requests for evidence, it keeps.
#
#   peer_server.py --port N --cert FILE --key FILE --record FILE
#       --mode none|garbage|huge|slow|cut|redirect|relay|hang [--real PORT]
#       [--address 127.0.0.1]
#
# none: no evidence; relay: that of the gateway at 127.0.0.1:PORT; hang: reads
# requests for it and says nothing, at all addresses of the machine.

import argparse
import http.client
import socket
import ssl
import threading
import time

EVIDENCE = b'/.well-known/attestation'


def head(status, length=None, more=b''):
    text = b'HTTP/1.1 ' + status + b'\r\nContent-Type: application/json\r\n'
    if length is not None:
        text += b'Content-Length: %d\r\n' % length
    return text + b'Connection: close\r\n' + more + b'\r\n'


def read_request(conn):
    data = b''
    while b'\r\n\r\n' not in data:
        got = conn.recv(65536)
        if not got:
            return data, b''
        data += got
    top, body = data.split(b'\r\n\r\n', 1)
    want = 0
    for line in top.split(b'\r\n'):
        if line.lower().startswith(b'content-length:'):
            want = int(line.split(b':')[1])
    while len(body) < want:
        got = conn.recv(65536)
        if not got:
            break
        body += got
    return top, body


def relay(args, top, body):
    method, path = top.split(b' ')[:2]
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    real = http.client.HTTPSConnection('127.0.0.1', args.real,
                                       context=context)
    fields = {'Host': 'localhost'}
    for line in top.split(b'\r\n')[1:]:
        name, value = line.decode().split(':', 1)
        if name.lower() in ('accept', 'content-type'):
            fields[name] = value.strip()
    real.request(method.decode(), path.decode(), body or None, fields)
    answer = real.getresponse()
    text = answer.read()
    kind = answer.getheader('Content-Type', 'text/plain')
    return (b'HTTP/1.1 %d x\r\nContent-Type: %s\r\nContent-Length: %d\r\n'
            b'Connection: close\r\n\r\n' % (answer.status, kind.encode(),
                                          len(text)) + text)


def evidence(args, conn, top, body):
    if args.mode == 'garbage':
        conn.sendall(head(b'200 OK', 9) + b'{"a":[[[[')
    elif args.mode == 'huge':
        conn.sendall(head(b'200 OK'))
        while True:
            conn.sendall(b'A' * 65536)
    elif args.mode == 'slow':
        conn.sendall(head(b'200 OK', 100000))
        while True:
            conn.sendall(b' ')
            time.sleep(0.2)
    elif args.mode == 'cut':
        conn.sendall(head(b'200 OK', 1000) + b'{"__cmwc_t":')
    elif args.mode == 'redirect':
        conn.sendall(head(b'302 Found', 0, b'Location: https://localhost:%d%s'
                          b'\r\n' % (args.real, EVIDENCE)))
    elif args.mode == 'hang':
        time.sleep(120)
    elif args.mode == 'relay':
        conn.sendall(relay(args, top, body))
    else:
        conn.sendall(head(b'404 Not Found', 2) + b'{}')


def serve(args, context, raw):
    try:
        conn = context.wrap_socket(raw, server_side=True)
        top, body = read_request(conn)
        if b' ' + EVIDENCE in top or b' /.well-known/hpke-keys' in top:
            evidence(args, conn, top, body)
        elif top or body:
            with open(args.record, 'ab') as out:
                out.write(top + b'\r\n\r\n' + body + b'\n')
            conn.sendall(head(b'200 OK', 2) + b'ok')
        conn.close()
    except OSError:
        pass
    finally:
        raw.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--port', type=int)
    parser.add_argument('--address', default='127.0.0.1')
    parser.add_argument('--cert')
    parser.add_argument('--key')
    parser.add_argument('--record')
    parser.add_argument('--mode', default='none')
    parser.add_argument('--real', type=int, default=0)
    args = parser.parse_args()

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(args.cert, args.key)
    host = '' if args.mode == 'hang' else args.address
    listener = socket.create_server((host, args.port), backlog=128)
    while True:
        raw, _ = listener.accept()
        raw.settimeout(20)
        threading.Thread(target=serve, args=(args, context, raw),
                         daemon=True).start()


main()
