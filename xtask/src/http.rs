//! A small HTTP/1.1 client on one kept connection: enough to wait for a server and to measure it without other parts in between.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

const CONNECT_LIMIT: Duration = Duration::from_secs(2);
const READ_LIMIT: Duration = Duration::from_secs(10);

pub(crate) struct Connection {
    address: SocketAddr,
    reader: BufReader<TcpStream>,
}

pub(crate) struct Response {
    pub(crate) status: u16,
    /// Names are in lower case.
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) time_to_first_byte: Duration,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Result<serde_json::Value> {
        Ok(serde_json::from_slice(&self.body)?)
    }
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect_timeout(&address, CONNECT_LIMIT)?;
        stream.set_read_timeout(Some(READ_LIMIT))?;
        stream.set_nodelay(true)?;
        Ok(Self { address, reader: BufReader::new(stream) })
    }

    /// `headers` holds whole lines without the line break.
    pub(crate) fn get(&mut self, path: &str, headers: &[&str]) -> Result<Response> {
        let mut request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n", self.address);
        for header in headers {
            request.push_str(header);
            request.push_str("\r\n");
        }
        request.push_str("\r\n");
        let sent = Instant::now();
        self.reader.get_mut().write_all(request.as_bytes())?;
        if self.reader.fill_buf()?.is_empty() {
            bail!("{} closed the connection without an answer", self.address);
        }
        let time_to_first_byte = sent.elapsed();
        let (status, headers) = read_head(&mut self.reader)?;
        let body = read_body(&mut self.reader, &headers)?;
        Ok(Response { status, headers, body, time_to_first_byte })
    }
}

pub(crate) fn get(address: SocketAddr, path: &str) -> Result<Response> {
    Connection::open(address)?.get(path, &[])
}

fn read_head(reader: &mut impl BufRead) -> Result<(u16, Vec<(String, String)>)> {
    let status_line = read_line(reader)?;
    let status = status_line.split(' ').nth(1).and_then(|code| code.parse().ok());
    let status = status.with_context(|| format!("not an HTTP status line: {status_line:?}"))?;
    let mut headers = Vec::new();
    loop {
        let line = read_line(reader)?;
        if line.is_empty() {
            return Ok((status, headers));
        }
        let (name, value) = line.split_once(':').with_context(|| format!("not an HTTP header: {line:?}"))?;
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
}

fn read_body(reader: &mut impl BufRead, headers: &[(String, String)]) -> Result<Vec<u8>> {
    let header = |name: &str| headers.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str());
    let mut body = Vec::new();
    if header("transfer-encoding") == Some("chunked") {
        loop {
            let length = u64::from_str_radix(&read_line(reader)?, 16).context("not the length of an HTTP chunk")?;
            reader.by_ref().take(length).read_to_end(&mut body)?;
            read_line(reader)?;
            if length == 0 {
                return Ok(body);
            }
        }
    }
    let length = header("content-length").map_or(Ok(0), str::parse).context("not a content length")?;
    reader.take(length).read_to_end(&mut body)?;
    Ok(body)
}

fn read_line(reader: &mut impl BufRead) -> Result<String> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::{read_body, read_head};

    #[test]
    fn a_chunked_body_is_put_together() {
        let mut answer =
            &b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\nrest"[..];
        let (status, headers) = read_head(&mut answer).unwrap();
        assert_eq!(status, 200);
        assert_eq!(read_body(&mut answer, &headers).unwrap(), b"abcde");
        assert_eq!(answer, b"rest");
    }

    #[test]
    fn a_counted_body_ends_at_its_length() {
        let mut answer = &b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nokHTTP/1.1"[..];
        let (status, headers) = read_head(&mut answer).unwrap();
        assert_eq!(status, 404);
        assert_eq!(read_body(&mut answer, &headers).unwrap(), b"ok");
        assert_eq!(answer, b"HTTP/1.1");
    }

    #[test]
    fn what_is_not_http_is_refused() {
        assert!(read_head(&mut &b"SSH-2.0-server\r\n\r\n"[..]).is_err());
    }
}
