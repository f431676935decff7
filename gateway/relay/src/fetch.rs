//! One document from an `http` or `https` address, for what proves itself: a revocation
//! list is signed, so that the way it comes needs no trust. In: an address of the
//! configuration and bounds. Out: the body, whole and bounded, or why not. Redirects
//! are not followed, and nothing is kept between two fetches.

use std::time::Duration;

use hyper::Uri;

use crate::client::{ClientError, ClientOptions, HttpClient};

/// Where a document is and what fetching it may cost.
#[derive(Debug, Clone)]
pub struct Fetch {
    client: HttpClient,
    address: String,
    path: String,
}

/// Why a document did not come.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// Address, network, TLS, time or size.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Another status than 200: 404, or a redirect.
    #[error("{address} answered with status {status}")]
    Status {
        /// The address.
        address: String,
        /// What the server said (RFC 9110, section 15).
        status: u16,
    },
}

impl FetchError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            FetchError::Client(error) => error.code(),
            FetchError::Status { .. } => "fetch-status",
        }
    }
}

impl Fetch {
    /// Takes an address; `ca_pem` vouches for the server of an `https` one.
    ///
    /// # Errors
    /// `client-address`, `client-certificate`.
    pub fn new(
        address: &str,
        ca_pem: Vec<u8>,
        timeout: Duration,
        max_body: usize,
    ) -> Result<Fetch, ClientError> {
        let unusable = |why: &str| ClientError::Address(format!("{address}: {why}"));
        let uri: Uri = address.parse().map_err(|_| unusable("not a URL"))?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(unusable("expected http:// or https:// and a host"));
        };
        let options = ClientOptions {
            connect_timeout: timeout,
            timeout,
            max_body,
            plain: true,
            ..ClientOptions::new(format!("{scheme}://{authority}"), ca_pem)
        };
        let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        Ok(Fetch { client: HttpClient::new(options)?, address: address.to_owned(), path })
    }

    /// The address.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Gets the document.
    ///
    /// # Errors
    /// [`FetchError`].
    pub async fn get(&self) -> Result<Vec<u8>, FetchError> {
        let response = self.client.get(&self.path).await?;
        match response.status {
            200 => Ok(response.body),
            status => Err(FetchError::Status { address: self.address.clone(), status }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    use super::*;
    use crate::testserver;

    const SOON: Duration = Duration::from_millis(300);

    /// A server for one connection that says `answer` and then waits as told.
    fn plain(answer: Vec<u8>, wait: Duration) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut head = [0; 1024];
            assert!(stream.read(&mut head).is_ok_and(|octets| octets > 0));
            stream.write_all(&answer).ok();
            std::thread::sleep(wait);
        });
        format!("http://{address}/lists/ca.crl?x=1")
    }

    fn says(status: &str, body: &[u8]) -> Vec<u8> {
        let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n", body.len());
        [head.as_bytes(), body].concat()
    }

    async fn get(address: &str, max_body: usize) -> Result<Vec<u8>, FetchError> {
        Fetch::new(address, Vec::new(), SOON, max_body)?.get().await
    }

    #[tokio::test]
    async fn a_document_comes_whole_and_bounded() {
        let address = plain(says("200 OK", b"list"), Duration::ZERO);
        assert_eq!(get(&address, 4).await.unwrap(), b"list");
        let address = plain(says("200 OK", b"a longer list"), Duration::ZERO);
        assert_eq!(get(&address, 4).await.unwrap_err().code(), "body-too-large");
    }

    #[tokio::test]
    async fn a_server_that_is_down_slow_or_says_something_else_is_told_apart() {
        let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let refused = get(&format!("http://{nobody}/"), 9).await.unwrap_err();
        assert_eq!(refused.code(), "connection-refused");
        // Slow to begin, and slow in the middle of the body.
        for answer in [Vec::new(), b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nab".to_vec()] {
            let address = plain(answer, SOON * 10);
            assert_eq!(get(&address, 9).await.unwrap_err().code(), "timeout");
        }
        for status in ["404 Not Found", "302 Found", "204 No Content"] {
            let address = plain(says(status, b""), Duration::ZERO);
            let error = get(&address, 9).await.unwrap_err();
            assert_eq!(error.code(), "fetch-status");
            assert!(error.to_string().contains(status.get(..3).unwrap()), "{error}");
        }
        let address = plain(b"rubbish\r\n\r\n".to_vec(), Duration::ZERO);
        assert_eq!(get(&address, 9).await.unwrap_err().code(), "http-broken");
    }

    #[tokio::test]
    async fn https_needs_its_own_anchors() {
        let pki = testserver::pki();
        let (base, _) = testserver::serve(&pki, async |_| {
            Ok(hyper::Response::new(http_body_util::Full::new(hyper::body::Bytes::from("list"))))
        })
        .await;
        let fetch = |ca: String| Fetch::new(&base, ca.into_bytes(), SOON * 20, 9);
        // The test server wants a client certificate, which a fetch never has: that it
        // complains of this, and not we of it, shows that its certificate was taken.
        let known = fetch(pki.ca.certificate_pem()).unwrap().get().await.unwrap_err();
        assert_eq!(known.code(), "tls-refused");
        let other = onepoint_certs::testpki::TestCa::new(
            "other",
            onepoint_certs::testpki::KeyKind::P256,
            onepoint_certs::testpki::Validity {
                from: pki.ca.certificate().not_before(),
                until: pki.ca.certificate().not_after(),
            },
        );
        let other = fetch(other.unwrap().certificate_pem()).unwrap().get().await.unwrap_err();
        assert_eq!(other.code(), "certificate-not-trusted");
        assert_eq!(fetch(String::new()).unwrap_err().code(), "client-certificate");
    }

    #[test]
    fn addresses_are_checked_before_anything_is_asked() {
        for address in ["ca.crl", "ftp://h/x", "http:///x", "http://u@h/x", "ldap://h/cn=x"] {
            let made = Fetch::new(address, Vec::new(), SOON, 9);
            assert_eq!(made.unwrap_err().code(), "client-address", "{address}");
        }
        let made = Fetch::new("http://crl.example/a?b", Vec::new(), SOON, 9).unwrap();
        assert_eq!((made.address(), made.path.as_str()), ("http://crl.example/a?b", "/a?b"));
    }
}
