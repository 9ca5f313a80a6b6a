// SPDX-License-Identifier: Apache-2.0
//
// A client on the crates "ohttp" and "bhttp", unmodified; curl carries the
// bytes.
//
//   ohttp-client whole|chunked URL AUTHORITY METHOD PATH [CONTENT]
//
// Prints "status N", then the content.  chunked: on stderr "piece MS" for
// each piece as it comes.  Fails when the response is not complete.

use std::env;
use std::io::{Cursor, Read, Write};
use std::process::{Command, Stdio};
use std::time::Instant;

use bhttp::{Message, Mode};
use futures::executor::block_on;
use futures::io::{AllowStdIo, AsyncReadExt, AsyncWriteExt};
use ohttp::ClientRequest;

type Res<T> = Result<T, Box<dyn std::error::Error>>;

fn curl(args: &[&str]) -> Command {
    let mut cmd = Command::new("curl");
    cmd.args(["-q", "-s", "-k", "-N", "--max-time", "60"]).args(args);
    cmd
}

fn post(url: &str, kind: &str, body: &[u8]) -> Res<std::process::Child> {
    let kind = format!("Content-Type: message/ohttp-{kind}");
    let mut child = curl(&["--data-binary", "@-", "-H", &kind, url])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    child.stdin.take().unwrap().write_all(body)?;
    Ok(child)
}

// The stream reader of ohttp 0.7.2 has room for the nonce of AES-128-GCM
// only: choose this suite, as an application may, of a member that has it.
fn aes_128(mut list: &[u8]) -> Vec<u8> {
    loop {
        let len = usize::from(u16::from_be_bytes([list[0], list[1]]));
        let mut config = list[2..2 + len].to_vec();
        if config[37..].chunks(4).any(|s| s == [0, 1, 0, 1]) {
            config.truncate(35);
            config.extend([0, 4, 0, 1, 0, 1]);
            return config;
        }
        list = &list[2 + len..];
    }
}

fn whole(list: &[u8], url: &str, request: &[u8]) -> Res<Vec<u8>> {
    let client = ClientRequest::from_encoded_config_list(list)?;
    let (sealed, response) = client.encapsulate(request)?;
    let out = post(url, "req", &sealed)?.wait_with_output()?;
    Ok(response.decapsulate(&out.stdout)?)
}

fn chunked(list: &[u8], url: &str, request: &[u8]) -> Res<Vec<u8>> {
    let client = ClientRequest::from_encoded_config(&aes_128(list))?;
    let mut sealed = Vec::new();
    let mut stream = client.encapsulate_stream(AllowStdIo::new(&mut sealed))?;
    block_on(stream.write_all(request))?;
    block_on(stream.close())?;

    let pipe = Pipe::default();
    let mut response = stream.response(AllowStdIo::new(pipe.clone()))?;
    drop(stream);

    let start = Instant::now();
    let mut child = post(url, "chunked-req", &sealed)?;
    pipe.set(child.stdout.take().unwrap());

    let mut plain = Vec::new();
    let mut buf = [0; 16384];
    loop {
        let n = block_on(response.read(&mut buf))?;
        if n == 0 {
            break;
        }
        eprintln!("piece {}", start.elapsed().as_millis());
        plain.extend(&buf[..n]);
    }
    child.wait()?;
    Ok(plain)
}

// The crate makes the reader from the writer, which borrows the request.
#[derive(Clone, Default)]
struct Pipe(std::rc::Rc<std::cell::RefCell<Option<std::process::ChildStdout>>>);

impl Pipe {
    fn set(&self, out: std::process::ChildStdout) {
        *self.0.borrow_mut() = Some(out);
    }
}

impl Read for Pipe {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        self.0.borrow_mut().as_mut().unwrap().read(buf)
    }
}

fn main() -> Res<()> {
    let args: Vec<String> = env::args().collect();
    let [_, form, url, authority, method, path, rest @ ..] = &args[..] else {
        return Err("usage".into());
    };

    let list = curl(&["-H", "Accept: application/ohttp-keys", url])
        .output()?
        .stdout;

    let mut request = Message::request(
        method.clone().into(),
        "https".into(),
        authority.clone().into(),
        path.clone().into(),
    );
    request.put_header("content-type", "application/json");
    if let Some(content) = rest.first() {
        request.write_content(content);
    }

    let mut sealed = Vec::new();
    let mode = if form == "whole" {
        Mode::KnownLength
    } else {
        Mode::IndeterminateLength
    };
    request.write_bhttp(mode, &mut sealed)?;

    let plain = match form.as_str() {
        "whole" => whole(&list, url, &sealed)?,
        _ => chunked(&list, url, &sealed)?,
    };

    let response = Message::read_bhttp(&mut Cursor::new(&plain[..]))?;
    println!("status {}", response.control().status().unwrap().code());
    std::io::stdout().write_all(response.content())?;
    Ok(())
}
