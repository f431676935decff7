//! HTTPS with client certificates. In come requests, out go status, headers and a
//! bounded body, or an error that says which of address, certificate, network, TLS or
//! time it was. Connections are kept and used again; redirects are not followed.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::SendRequest;
use hyper::header::{CONTENT_TYPE, HOST, USER_AGENT};
use tokio::time::timeout;

pub use error::ClientError;

use connection::Target;

mod connection;
mod error;
mod public;

/// How long connecting may take, TLS included, unless told otherwise.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a whole request may take, unless told otherwise.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest body of a response, unless told otherwise: a full batch of deliveries.
pub const MAX_BODY: usize = 64 * 1024 * 1024;
/// Connections kept for the next request.
const IDLE_CONNECTIONS: usize = 8;

/// How to reach a server.
#[derive(Clone)]
pub struct ClientOptions {
    /// `https://host:port`, without a path.
    pub base: String,
    /// The certificates that may vouch for the server, PEM.
    pub ca_pem: Vec<u8>,
    /// The client's chain (own certificate first) and key, both PEM.
    pub identity: Option<(Vec<u8>, Vec<u8>)>,
    /// For connecting, TLS included.
    pub connect_timeout: Duration,
    /// For a whole request.
    pub timeout: Duration,
    /// Bytes of a response's body.
    pub max_body: usize,
    /// Only hosts of the public internet: the address that is connected to is looked at,
    /// not the name, so that no name can lead inside.
    pub public_only: bool,
    /// Whether `http://` is spoken as well: only for what proves itself, see [`crate::fetch`].
    pub plain: bool,
}

impl ClientOptions {
    /// Options with the default bounds and without a client certificate.
    #[must_use]
    pub fn new(base: impl Into<String>, ca_pem: Vec<u8>) -> ClientOptions {
        ClientOptions {
            base: base.into(),
            ca_pem,
            identity: None,
            connect_timeout: CONNECT_TIMEOUT,
            timeout: REQUEST_TIMEOUT,
            max_body: MAX_BODY,
            public_only: false,
            plain: false,
        }
    }

    /// With a client certificate.
    #[must_use]
    pub fn identity(mut self, chain_pem: Vec<u8>, key_pem: Vec<u8>) -> ClientOptions {
        self.identity = Some((chain_pem, key_pem));
        self
    }
}

impl fmt::Debug for ClientOptions {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientOptions")
            .field("base", &self.base)
            .field("identity", &self.identity.is_some())
            .finish_non_exhaustive()
    }
}

/// What to ask.
#[derive(Clone, Debug)]
pub struct Request {
    /// `GET`, `POST`.
    pub method: String,
    /// Path and query, beginning with `/`.
    pub path: String,
    /// Further headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// In place of the client's own.
    pub timeout: Option<Duration>,
}

/// What the server said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// Names are in lower case.
    pub headers: Vec<(String, String)>,
    /// At most as long as the options say.
    pub body: Vec<u8>,
}

impl Response {
    /// The first header of that name (in lower case).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as text; what is not UTF-8 is replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Whether the status is 2xx.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// A client of one server; clones share connections.
#[derive(Clone)]
pub struct HttpClient(Arc<Inner>);

struct Inner {
    target: Target,
    timeout: Duration,
    max_body: usize,
    idle: Mutex<Vec<Sender>>,
}

type Sender = SendRequest<Full<Bytes>>;

impl HttpClient {
    /// Reads address, certificates and key; connects to nobody yet.
    ///
    /// # Errors
    /// `client-address`, `client-certificate`, `client-key`.
    pub fn new(options: ClientOptions) -> Result<HttpClient, ClientError> {
        let target = Target::new(&options)?;
        let ClientOptions { timeout, max_body, .. } = options;
        Ok(HttpClient(Arc::new(Inner { target, timeout, max_body, idle: Mutex::default() })))
    }

    /// The server's address, as given.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.0.target.base
    }

    /// `GET`.
    ///
    /// # Errors
    /// See [`ClientError`]. A status that is not 2xx is no error.
    pub async fn get(&self, path: &str) -> Result<Response, ClientError> {
        self.get_within(path, self.0.timeout).await
    }

    /// `GET` with a timeout of its own, for a long poll.
    ///
    /// # Errors
    /// As [`HttpClient::get`].
    pub async fn get_within(&self, path: &str, timeout: Duration) -> Result<Response, ClientError> {
        self.send(Request {
            method: "GET".to_owned(),
            path: path.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
            timeout: Some(timeout),
        })
        .await
    }

    /// `POST`.
    ///
    /// # Errors
    /// As [`HttpClient::get`].
    pub async fn post(
        &self,
        path: &str,
        content_type: &str,
        body: Vec<u8>,
    ) -> Result<Response, ClientError> {
        self.send(Request {
            method: "POST".to_owned(),
            path: path.to_owned(),
            headers: vec![(CONTENT_TYPE.to_string(), content_type.to_owned())],
            body,
            timeout: None,
        })
        .await
    }

    /// Any request. When a kept connection turns out to be closed, the request is sent
    /// once more on a new one: every request of the gateway may be repeated.
    ///
    /// # Errors
    /// As [`HttpClient::get`].
    pub async fn send(&self, request: Request) -> Result<Response, ClientError> {
        let limit = request.timeout.unwrap_or(self.0.timeout);
        match timeout(limit, self.exchange(&request)).await {
            Ok(response) => response,
            Err(_) => Err(self.0.target.timed_out()),
        }
    }

    async fn exchange(&self, request: &Request) -> Result<Response, ClientError> {
        let body = Bytes::from(request.body.clone());
        while let Some(sender) = self.idle() {
            match self.ask(sender, request, body.clone()).await {
                Err(ClientError::Lost { .. }) => {}
                answer => return answer,
            }
        }
        self.ask(self.0.target.connect().await?, request, body).await
    }

    async fn ask(
        &self,
        mut sender: Sender,
        request: &Request,
        body: Bytes,
    ) -> Result<Response, ClientError> {
        let target = &self.0.target;
        let message = target.message(request, body)?;
        sender.ready().await.map_err(|e| target.broken(e))?;
        let answer = sender.send_request(message).await.map_err(|e| target.broken(e))?;
        let response = self.read(answer).await?;
        self.keep(sender);
        Ok(response)
    }

    async fn read(&self, answer: hyper::Response<Incoming>) -> Result<Response, ClientError> {
        let (head, body) = answer.into_parts();
        let limit = self.0.max_body;
        let body = Limited::new(body, limit).collect().await;
        let body = body.map_err(|error| match error.downcast::<hyper::Error>() {
            Ok(broken) => self.0.target.broken(*broken),
            Err(_) => ClientError::TooLarge { server: self.base().to_owned(), limit },
        })?;
        let text = |value: &hyper::header::HeaderValue| {
            String::from_utf8_lossy(value.as_bytes()).into_owned()
        };
        let headers = head.headers.iter().map(|(name, value)| (name.to_string(), text(value)));
        Ok(Response {
            status: head.status.as_u16(),
            headers: headers.collect(),
            body: body.to_bytes().to_vec(),
        })
    }

    fn idle(&self) -> Option<Sender> {
        let mut idle = self.0.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|sender| !sender.is_closed());
        idle.pop()
    }

    fn keep(&self, sender: Sender) {
        let mut idle = self.0.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_CONNECTIONS && !sender.is_closed() {
            idle.push(sender);
        }
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient").field("base", &self.base()).finish()
    }
}

impl Target {
    /// The request as HTTP.
    fn message(
        &self,
        request: &Request,
        body: Bytes,
    ) -> Result<hyper::Request<Full<Bytes>>, ClientError> {
        let mut builder = hyper::Request::builder()
            .method(request.method.as_str())
            .uri(request.path.as_str())
            .header(HOST, self.authority.as_str())
            .header(USER_AGENT, "onepoint");
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
        builder.body(Full::new(body)).map_err(|e| ClientError::Request(e.to_string()))
    }
}

#[cfg(test)]
mod tests;
