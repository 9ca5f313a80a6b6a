#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0

"""A double of Azure's instance metadata service, for tests.

    fake_imds.py --port N --dir FOLDER

Answers what lies in the folder: vcek.json at /metadata/THIM/amd/certification
(only with the header "Metadata: true"), tdquote.json at /acc/tdquote.  A file
"mode" there, read for each request, bends the answer; "log" there gets a
line of JSON for each request.  Listens on 127.0.0.1 only.
"""

import argparse
import json
import os
import socket
import threading
import time

PATHS = {
    ('GET', '/metadata/THIM/amd/certification'): 'vcek.json',
    ('POST', '/acc/tdquote'): 'tdquote.json',
}


def read(folder, name, default=b''):
    try:
        with open(os.path.join(folder, name), 'rb') as f:
            return f.read()
    except OSError:
        return default


def mode(folder):
    return read(folder, 'mode').decode().strip()


def head(status, *lines):
    text = ['HTTP/1.1 ' + status, 'Server: fake', *lines, '', '']
    return '\r\n'.join(text).encode()


def length(body):
    return 'Content-Length: %d' % len(body)


def chunked(body, size=1000):
    out = head('200 OK', 'Transfer-Encoding: chunked')
    for i in range(0, len(body), size):
        part = body[i:i + size]
        out += b'%x\r\n' % len(part) + part + b'\r\n'
    return out + b'0\r\n\r\n'


def bent(how, body):
    """The bytes of an answer, bent."""
    ok = head('200 OK', length(body))
    half = body[:len(body) // 2]

    return {
        '': ok + body,
        'chunked': chunked(body),
        'lower': head('200 OK', 'content-length:%d' % len(body)) + body,
        '404': head('404 Not Found', length(b'')),
        '500': head('500 Internal Server Error', length(b'{}')) + b'{}',
        'redirect': head('302 Found', 'Location: http://127.0.0.1:1/',
                         length(b'')),
        'short': ok + half,
        'nolength': head('200 OK') + body,
        'both': head('200 OK', length(body), 'Transfer-Encoding: chunked')
                + body,
        'twice': head('200 OK', length(body), length(body)) + body,
        'negative': head('200 OK', 'Content-Length: -1') + body,
        'longer': ok + body + b'x',
        'huge': head('200 OK', 'Content-Length: 99999999') + body,
        'bighead': head('200 OK', 'X: ' + 'x' * 9000, length(body)) + body,
        'bigbody': head('200 OK', 'Content-Length: 70000') + b' ' * 70000,
        'endless': head('200 OK', 'Transfer-Encoding: chunked')
                   + b'ffff\r\n' + b' ' * 65535 + b'\r\nffff\r\n'
                   + b' ' * 65535 + b'\r\nffff\r\n' + b' ' * 65535,
        'badchunk': head('200 OK', 'Transfer-Encoding: chunked')
                    + b'5g\r\n' + body + b'\r\n0\r\n\r\n',
        'cutchunk': chunked(body)[:-7],
        'nothttp': b'SSH-2.0-fake\r\n\r\n',
        'empty': b'',
        'notjson': head('200 OK', length(b'{"a":')) + b'{"a":',
        'array': head('200 OK', length(b'[1]')) + b'[1]',
        'behind': head('200 OK', length(body + b'{}')) + body + b'{}',
        'nomember': head('200 OK', length(b'{"x":"y"}')) + b'{"x":"y"}',
        'number': head('200 OK', length(b'{"vcekCert":1,"quote":1}'))
                  + b'{"vcekCert":1,"quote":1}',
        'double': head('200 OK', length(b'{"quote":"QQ",' + b'"vcekCert":"x",'
                                        + body.lstrip()[1:]))
                  + b'{"quote":"QQ",' + b'"vcekCert":"x",'
                  + body.lstrip()[1:],
    }[how]


def request(conn):
    data = b''
    while b'\r\n\r\n' not in data:
        part = conn.recv(65536)
        if not part:
            return None
        data += part

    text, body = data.split(b'\r\n\r\n', 1)
    lines = text.decode().split('\r\n')
    method, path, _ = lines[0].split(' ')
    headers = dict(line.split(': ', 1) for line in lines[1:])

    while len(body) < int(headers.get('Content-Length', 0)):
        body += conn.recv(65536)

    return method, path, headers, body.decode()


def wait(folder, how):
    while mode(folder) == how:
        time.sleep(0.02)


def serve(conn, folder):
    how = mode(folder)

    if how == 'mute':
        return wait(folder, how)

    got = request(conn)
    if got is None:
        return None

    method, path, headers, body = got
    with open(os.path.join(folder, 'log'), 'a') as f:
        f.write(json.dumps(got) + '\n')

    name = PATHS.get((method, path))
    if name is None or (method == 'GET' and headers.get('Metadata') != 'true'):
        return conn.sendall(bent('404', b''))

    answer = read(folder, name)

    if how == 'hang':
        return wait(folder, how)
    if how == 'slow':
        # a byte at a time, for longer than anybody waits
        for i in range(len(answer)):
            conn.sendall(bent('', answer)[i:i + 1])
            time.sleep(0.05)
        return None
    if how == 'keep':
        # the answer is complete, the connection stays open
        conn.sendall(bent('', answer))
        return wait(folder, how)

    return conn.sendall(bent(how, answer))


def connection(conn, folder):
    try:
        serve(conn, folder)
    except OSError:
        pass
    conn.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--port', type=int, required=True)
    parser.add_argument('--dir', required=True)
    args = parser.parse_args()

    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(('127.0.0.1', args.port))
    sock.listen(64)

    while True:
        conn, _ = sock.accept()
        threading.Thread(target=connection, args=(conn, args.dir),
                         daemon=True).start()


main()
