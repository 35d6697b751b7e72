//! A server that speaks as much of the Hub's protocol as a download needs.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

const COMMIT: &str = "0123456789abcdef";

/// What the server is asked.
#[derive(Debug, Clone)]
pub struct Request {
    pub path: String,
    pub range_start: usize,
    /// Whether only the first byte is asked for, to learn size and revision.
    pub is_probe: bool,
    pub authorization: Option<String>,
}

/// How the server behaves; may be changed while it runs.
#[derive(Debug, Default)]
pub struct Behaviour {
    /// Where the files lie on the server.
    pub folder: String,
    /// Where their names are asked for, if they can be.
    pub listing: Option<String>,
    pub files: BTreeMap<String, Vec<u8>>,
    /// Only requests with this token are answered.
    pub token: Option<String>,
    /// The next transfer of this file ends after so many bytes.
    pub break_after: Option<(String, usize)>,
    pub requests: Vec<Request>,
}

pub struct Hub {
    pub address: String,
    pub behaviour: Arc<Mutex<Behaviour>>,
}

impl Hub {
    /// Serves the files of the model `owner/model` until the test ends.
    #[allow(dead_code, reason = "not every suite has models")]
    pub fn serve(files: BTreeMap<String, Vec<u8>>) -> Self {
        Self::start(Behaviour {
            folder: "/owner/model/resolve/main/".into(),
            files,
            ..Behaviour::default()
        })
    }

    /// Serves the Parquet files of the dataset `owner/set` until the test ends.
    #[allow(dead_code, reason = "not every suite has datasets")]
    pub fn serve_dataset(files: BTreeMap<String, Vec<u8>>) -> Self {
        Self::start(Behaviour {
            folder: "/datasets/owner/set/resolve/refs%2Fconvert%2Fparquet/".into(),
            listing: Some("/api/datasets/owner/set/revision/refs%2Fconvert%2Fparquet".into()),
            files,
            ..Behaviour::default()
        })
    }

    fn start(behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let behaviour = Arc::new(Mutex::new(behaviour));
        let shared = behaviour.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that hangs up early is part of the game.
                let _ = answer(&stream, &mut shared.lock().expect("no panic"));
            }
        });
        Self { address, behaviour }
    }

    pub fn requests(&self) -> Vec<Request> {
        self.behaviour.lock().expect("no panic").requests.clone()
    }

    pub fn change(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut self.behaviour.lock().expect("no panic"));
    }
}

fn read_request(stream: &TcpStream) -> std::io::Result<Request> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    let mut request = Request {
        path: first.split(' ').nth(1).unwrap_or_default().to_owned(),
        range_start: 0,
        is_probe: false,
        authorization: None,
    };
    for line in lines {
        let line = line?;
        let Some((name, value)) = line.split_once(": ") else {
            break;
        };
        match name.to_lowercase().as_str() {
            "range" => {
                let range = value.trim_start_matches("bytes=");
                let (start, end) = range.split_once('-').unwrap_or((range, ""));
                request.range_start = start.parse().unwrap_or(0);
                request.is_probe = end == "0";
            }
            "authorization" => request.authorization = Some(value.to_owned()),
            _ => {}
        }
    }
    Ok(request)
}

fn answer(mut stream: &TcpStream, behaviour: &mut Behaviour) -> std::io::Result<()> {
    let request = read_request(stream)?;
    behaviour.requests.push(request.clone());
    let refuse = |mut stream: &TcpStream, status: &str| {
        write!(
            stream,
            "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )
    };
    let wanted = behaviour
        .token
        .as_ref()
        .map(|token| format!("Bearer {token}"));
    if wanted.is_some() && wanted != request.authorization {
        return refuse(stream, "401 Unauthorized");
    }
    if behaviour.listing.as_ref() == Some(&request.path) {
        let names = behaviour.files.keys();
        let names: Vec<String> = names
            .map(|name| format!("{{\"rfilename\": \"{name}\"}}"))
            .collect();
        let body = format!(
            "{{\"sha\": \"{COMMIT}\", \"siblings\": [{}]}}",
            names.join(", ")
        );
        return write!(
            stream,
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
    }
    let name = request.path.strip_prefix(&behaviour.folder);
    let Some((name, file)) = name.and_then(|name| Some((name, behaviour.files.get(name)?))) else {
        return refuse(stream, "404 Not Found");
    };
    let (start, total) = (request.range_start.min(file.len()), file.len());
    let body = match request.is_probe {
        true => &file[..1.min(total)],
        false => &file[start..],
    };
    write!(
        stream,
        "HTTP/1.1 206 Partial Content\r\nContent-Length: {}\r\nContent-Range: bytes {start}-{}/{total}\r\n\
         ETag: \"{}\"\r\nX-Repo-Commit: {COMMIT}\r\nConnection: close\r\n\r\n",
        body.len(),
        start + body.len().saturating_sub(1),
        // Hashes have neither dots nor slashes.
        name.replace(['.', '/'], "-"),
    )?;
    let breaks = behaviour
        .break_after
        .take_if(|(file, _)| file == name && !request.is_probe);
    match breaks {
        Some((_, bytes)) => stream.write_all(&body[..bytes.min(body.len())]),
        None => stream.write_all(body),
    }
}
