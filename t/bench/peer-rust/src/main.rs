// SPDX-License-Identifier: Apache-2.0
//
// A minimal gateway on the crates "ohttp" and "bhttp": blocking, a thread and
// a connection to the backend for each client, and no HTTP library that would
// cost something.
//
//   ohttp-peer PORT BACKEND_PORT
//
// Prints its key configuration in hex, then serves on 127.0.0.1.

use std::env;
use std::io::{BufRead, BufReader, Cursor, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use bhttp::{Message, Mode, StatusCode};
use futures::executor::block_on;
use futures::io::{AllowStdIo, AsyncReadExt, AsyncWriteExt};
use ohttp::hpke::{Aead, Kdf, Kem};
use ohttp::{KeyConfig, Server, SymmetricSuite};

type Res<T> = Result<T, Box<dyn std::error::Error>>;

// One request or response: the first line, fields, and the body.
struct Http {
    first: String,
    fields: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Http {
    fn read(from: &mut BufReader<TcpStream>) -> Res<Option<Self>> {
        let mut first = String::new();
        if from.read_line(&mut first)? == 0 {
            return Ok(None);
        }

        let mut fields = Vec::new();
        let mut length = 0;
        loop {
            let mut line = String::new();
            from.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(": ") else {
                break;
            };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.parse()?;
            }
            fields.push((name.to_ascii_lowercase(), value.to_string()));
        }

        let mut body = vec![0; length];
        from.read_exact(&mut body)?;
        Ok(Some(Self { first, fields, body }))
    }

    fn field(&self, name: &str) -> &str {
        let found = self.fields.iter().find(|(n, _)| n == name);
        found.map_or("", |(_, value)| value)
    }
}

struct Backend(BufReader<TcpStream>);

impl Backend {
    fn ask(&mut self, message: &[u8], mode: Mode) -> Res<Vec<u8>> {
        let request = Message::read_bhttp(&mut Cursor::new(message))?;
        let control = request.control();
        let text = |v: Option<&[u8]>| {
            String::from_utf8_lossy(v.unwrap_or_default()).into_owned()
        };

        if text(control.authority()) != "localhost" {
            return Err("not allowed".into());
        }

        let mut head = format!(
            "{} {} HTTP/1.1\r\nHost: backend\r\nContent-Length: {}\r\n",
            text(control.method()),
            text(control.path()),
            request.content().len(),
        );
        for field in request.header().fields() {
            head += &text(Some(field.name()));
            head += ": ";
            head += &text(Some(field.value()));
            head += "\r\n";
        }
        head += "\r\n";

        let mut out = head.into_bytes();
        out.extend_from_slice(request.content());
        self.0.get_mut().write_all(&out)?;

        let answer = Http::read(&mut self.0)?.ok_or("no answer")?;
        let status = answer.first[9..12].parse::<u16>()?;
        let mut response = Message::response(StatusCode::try_from(status)?);
        for (name, value) in &answer.fields {
            response.put_header(name.as_str(), value.as_str());
        }
        response.write_content(&answer.body);

        let mut encoded = Vec::new();
        response.write_bhttp(mode, &mut encoded)?;
        Ok(encoded)
    }
}

fn whole(server: &Server, sealed: &[u8], to: &mut Backend) -> Res<Vec<u8>> {
    let (request, response) = server.decapsulate(sealed)?;
    Ok(response.encapsulate(&to.ask(&request, Mode::KnownLength)?)?)
}

fn chunked(server: &Server, sealed: &[u8], to: &mut Backend) -> Res<Vec<u8>> {
    let mut stream = server.clone().decapsulate_stream(sealed);
    let mut request = Vec::new();
    block_on(stream.read_to_end(&mut request))?;

    let mut out = Vec::new();
    let mut response = stream.response(AllowStdIo::new(&mut out))?;
    let answer = to.ask(&request, Mode::IndeterminateLength)?;
    block_on(response.write_all(&answer))?;
    block_on(response.close())?;
    drop(response);
    Ok(out)
}

fn serve(server: &Server, client: TcpStream, backend: &str) -> Res<()> {
    client.set_nodelay(true)?;
    let to = TcpStream::connect(backend)?;
    to.set_nodelay(true)?;
    let mut to = Backend(BufReader::new(to));
    let mut client = BufReader::new(client);

    while let Some(request) = Http::read(&mut client)? {
        let (kind, body) = match request.field("content-type") {
            "message/ohttp-req" => {
                ("", whole(server, &request.body, &mut to)?)
            }
            _ => ("chunked-", chunked(server, &request.body, &mut to)?),
        };

        let mut out = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: message/ohttp-{kind}res\r\n\
             Content-Length: {}\r\n\r\n",
            body.len(),
        )
        .into_bytes();
        out.extend_from_slice(&body);
        client.get_mut().write_all(&out)?;
    }
    Ok(())
}

fn main() -> Res<()> {
    let args: Vec<String> = env::args().collect();
    let [_, port, backend] = &args[..] else {
        return Err("usage".into());
    };

    ohttp::init();
    let suites = vec![SymmetricSuite::new(Kdf::HkdfSha256, Aead::Aes128Gcm)];
    let config = KeyConfig::new(1, Kem::X25519Sha256, suites)?;
    let hex: String =
        config.encode()?.iter().map(|b| format!("{b:02x}")).collect();
    let server = Server::new(config)?;
    let listener = TcpListener::bind(format!("127.0.0.1:{port}"))?;
    println!("{hex}");

    for client in listener.incoming() {
        let client = client?;
        let server = server.clone();
        let backend = format!("127.0.0.1:{backend}");
        thread::spawn(move || {
            if let Err(e) = serve(&server, client, &backend) {
                eprintln!("{e}");
            }
        });
    }
    Ok(())
}
