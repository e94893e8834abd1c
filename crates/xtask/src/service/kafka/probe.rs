//! Asks a broker who it is: a Metadata request (version 0) by hand, so that no client library is needed.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// True when the broker on this loopback port names at least one live broker, i.e. has joined its cluster.
pub fn answers(port: u16) -> bool {
    ask(port).is_ok_and(|brokers| brokers > 0)
}

fn ask(port: u16) -> std::io::Result<i32> {
    let mut stream = TcpStream::connect_timeout(&([127, 0, 0, 1], port).into(), Duration::from_secs(1))?;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    stream.set_write_timeout(Some(Duration::from_secs(2)))?;
    // api key 3 (Metadata), version 0, correlation id 1, no client id, one topic name that nobody has.
    let mut request = Vec::from([0, 3, 0, 0, 0, 0, 0, 1, 0xff, 0xff, 0, 0, 0, 1]);
    let topic = b"rapport-is-it-up";
    request.extend(u16::try_from(topic.len()).unwrap_or_default().to_be_bytes());
    request.extend(topic);
    stream.write_all(&u32::try_from(request.len()).unwrap_or_default().to_be_bytes())?;
    stream.write_all(&request)?;
    // length, correlation id, number of brokers.
    let mut answer = [0; 12];
    stream.read_exact(&mut answer)?;
    Ok(i32::from_be_bytes([answer[8], answer[9], answer[10], answer[11]]))
}
