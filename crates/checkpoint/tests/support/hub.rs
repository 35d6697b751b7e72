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
    pub authorization: Option<String>,
}

/// How a server differs from the Hub.
#[derive(Debug, Default, Clone)]
#[allow(dead_code, reason = "not every suite has all of them")]
pub enum Manner {
    #[default]
    Usual,
    /// Whatever range is asked for, the whole file comes.
    NoRanges,
    /// Every path is the same page.
    Page,
    /// Weights lie at another path, or under another address, where the server only stores.
    StoredAt(String),
    /// From one address to the next, for ever.
    Circle,
    /// So many bytes are announced by the Hub's own header.
    Announces(usize),
    /// More comes than is announced, without an end that could be told.
    Endless,
    /// An entity tag, or a commit, of the server's choice.
    Tag(String),
    Commit(String),
}

/// How the server behaves; may be changed while it runs.
#[derive(Debug, Default)]
pub struct Behaviour {
    pub manner: Manner,
    /// Where the files lie on the server.
    pub folder: String,
    /// Where their names are asked for, if they can be.
    pub listing: Option<String>,
    /// Whether a page comes in its place.
    pub listing_page: bool,
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
                let (start, _) = range.split_once('-').unwrap_or((range, ""));
                request.range_start = start.parse().unwrap_or(0);
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
            .map(|name| {
                format!(
                    "{{\"rfilename\": {}}}",
                    serde_json::Value::from(name.as_str())
                )
            })
            .collect();
        let body = match behaviour.listing_page {
            true => "<!doctype html><title>Sign in</title>".to_owned(),
            false => format!(
                "{{\"sha\": \"{COMMIT}\", \"siblings\": [{}]}}",
                names.join(", ")
            ),
        };
        return write!(
            stream,
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
    }
    let stored = "/stored/";
    let path = request.path.as_str();
    let Some(name) = path
        .strip_prefix(&behaviour.folder)
        .or(path.strip_prefix(stored))
    else {
        return refuse(stream, "404 Not Found");
    };
    if let Manner::Page = behaviour.manner {
        let page = "<!doctype html><title>Sign in</title>";
        return write!(
            stream,
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nETag: \"page\"\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n{page}",
            page.len()
        );
    }
    let Some(file) = behaviour.files.get(name) else {
        return refuse(stream, "404 Not Found");
    };
    // Hashes have neither dots nor slashes.
    let mut tag = name.replace(['.', '/'], "-");
    let mut says_commit = format!("X-Repo-Commit: {COMMIT}\r\n");
    let is_weights = name.ends_with(".safetensors");
    let send_on = |mut stream: &TcpStream, to: &str, headers: &str| {
        write!(
            stream,
            "HTTP/1.1 302 Found\r\nLocation: {to}\r\n{headers}Content-Length: 0\r\nConnection: close\r\n\r\n"
        )
    };
    match &behaviour.manner {
        Manner::StoredAt(place) if is_weights && !path.starts_with(stored) => {
            let linked = format!(
                "{says_commit}X-Linked-ETag: \"{tag}\"\r\nX-Linked-Size: {}\r\n",
                file.len()
            );
            return send_on(stream, &format!("{place}{name}"), &linked);
        }
        Manner::StoredAt(_) if path.starts_with(stored) => {
            (tag, says_commit) = ("another-servers-own".into(), String::new());
        }
        Manner::Circle if is_weights => return send_on(stream, path, ""),
        Manner::Announces(size) => says_commit.push_str(&format!("X-Linked-Size: {size}\r\n")),
        Manner::Tag(other) => tag.clone_from(other),
        Manner::Commit(other) => says_commit = format!("X-Repo-Commit: {other}\r\n"),
        _ => {}
    }
    let knows_ranges = !matches!(behaviour.manner, Manner::NoRanges);
    let (start, total) = match knows_ranges {
        true => (request.range_start.min(file.len()), file.len()),
        false => (0, file.len()),
    };
    let body = &file[start..];
    let head = match request.range_start > 0 && knows_ranges {
        true => {
            let last = start + body.len().saturating_sub(1);
            format!(
                "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {start}-{last}/{total}\r\n"
            )
        }
        false => "HTTP/1.1 200 OK\r\n".to_owned(),
    };
    let length = match &behaviour.manner {
        Manner::Endless => format!("X-Linked-Size: {total}\r\n"),
        _ => format!("Content-Length: {}\r\n", body.len()),
    };
    write!(
        stream,
        "{head}{length}ETag: \"{tag}\"\r\n{says_commit}Connection: close\r\n\r\n"
    )?;
    if let Manner::Endless = behaviour.manner {
        stream.write_all(body)?;
        return stream.write_all(&[0; 1000]);
    }
    let breaks = behaviour.break_after.take_if(|(file, _)| file == name);
    match breaks {
        Some((_, bytes)) => stream.write_all(&body[..bytes.min(body.len())]),
        None => stream.write_all(body),
    }
}
