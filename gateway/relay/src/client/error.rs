//! What can go wrong with a request before the server has answered it, sorted by what
//! a person would do next.

use std::error::Error;
use std::io;

use super::connection::Target;
use crate::tls::Unusable;

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The address of the server cannot be used.
    #[error("the server's address cannot be used: {0}")]
    Address(String),
    /// A certificate file cannot be used.
    #[error("a certificate cannot be used: {0}")]
    Certificate(String),
    /// The client's key cannot be used, or does not belong to its certificate.
    #[error("the own key cannot be used: {0}")]
    Key(String),
    /// The request itself is not valid HTTP: its path or a header.
    #[error("the request cannot be sent: {0}")]
    Request(String),
    /// Nobody listens there.
    #[error("{server} refuses the connection")]
    Refused {
        /// The server's address.
        server: String,
        /// What the network said.
        source: io::Error,
    },
    /// There is no such host.
    #[error("the host of {server} is not known")]
    HostUnknown {
        /// The server's address.
        server: String,
        /// What the resolver said.
        source: io::Error,
    },
    /// The host is inside, and only hosts of the public internet may be called.
    #[error("{server} leads to {address}, which is not on the public internet")]
    Private {
        /// The server's address.
        server: String,
        /// Where its name leads.
        address: String,
    },
    /// The server's certificate is not one we trust for that name.
    #[error("the certificate of {server} is not trusted")]
    NotTrusted {
        /// The server's address.
        server: String,
        /// What is wrong with it.
        source: rustls::Error,
    },
    /// The server refused the handshake, most often for our certificate.
    #[error("{server} refuses the TLS handshake")]
    TlsRefused {
        /// The server's address.
        server: String,
        /// What TLS said.
        source: rustls::Error,
    },
    /// It took too long.
    #[error("{server} did not answer in time")]
    Timeout {
        /// The server's address.
        server: String,
    },
    /// The body of the response is longer than allowed.
    #[error("the answer of {server} is longer than {limit} bytes")]
    TooLarge {
        /// The server's address.
        server: String,
        /// The bound, in bytes.
        limit: usize,
    },
    /// The connection ended before the answer was complete.
    #[error("the connection to {server} was lost")]
    Lost {
        /// The server's address.
        server: String,
        /// What ended it.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The other side does not speak HTTP/1.1.
    #[error("{server} does not speak HTTP as expected")]
    Http {
        /// The server's address.
        server: String,
        /// What the library said.
        source: hyper::Error,
    },
}

impl ClientError {
    /// A stable name for logs and scripts.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            ClientError::Address(_) => "client-address",
            ClientError::Certificate(_) => "client-certificate",
            ClientError::Key(_) => "client-key",
            ClientError::Request(_) => "client-request",
            ClientError::Refused { .. } => "connection-refused",
            ClientError::HostUnknown { .. } => "host-unknown",
            ClientError::Private { .. } => "host-private",
            ClientError::NotTrusted { .. } => "certificate-not-trusted",
            ClientError::TlsRefused { .. } => "tls-refused",
            ClientError::Timeout { .. } => "timeout",
            ClientError::TooLarge { .. } => "body-too-large",
            ClientError::Lost { .. } => "connection-lost",
            ClientError::Http { .. } => "http-broken",
        }
    }

    /// What to do about it, in English.
    #[must_use]
    pub fn hint_en(&self) -> &'static str {
        match self {
            ClientError::Address(_) => "expected https://host:port without a path",
            ClientError::Certificate(_) => "expected one or more certificates in PEM form",
            ClientError::Key(_) => "expected the certificate's own private key in PEM form",
            ClientError::Request(_) => "the path must begin with / and hold no spaces",
            ClientError::Refused { .. } => "is the gateway running, and are host and port right?",
            ClientError::HostUnknown { .. } => "check the name of the host",
            ClientError::Private { .. } => "only registered hosts outside are called",
            ClientError::NotTrusted { .. } => {
                "check the certificates to trust, the host name in the server's certificate, and \
                 the clock"
            }
            ClientError::TlsRefused { .. } => {
                "the server wants a client certificate that it trusts and that is still valid"
            }
            ClientError::Timeout { .. } => {
                "the gateway may be overloaded; the same message may be sent again"
            }
            ClientError::TooLarge { .. } => "ask for fewer things at a time",
            ClientError::Lost { .. } => "the same message may be sent again: nothing happens twice",
            ClientError::Http { .. } => "is this the port of a gateway?",
        }
    }

    /// What to do about it, in Chinese.
    #[must_use]
    pub fn hint_zh(&self) -> &'static str {
        match self {
            ClientError::Address(_) => "地址应为 https://主机:端口，不含路径",
            ClientError::Certificate(_) => "应为一个或多个 PEM 格式的证书",
            ClientError::Key(_) => "应为与证书对应的 PEM 格式私钥",
            ClientError::Request(_) => "路径须以 / 开头且不含空格",
            ClientError::Refused { .. } => "连接被拒绝；请确认网关已启动，主机与端口正确",
            ClientError::HostUnknown { .. } => "主机名无法解析；请检查主机名",
            ClientError::Private { .. } => "只允许访问已登记的公网主机",
            ClientError::NotTrusted { .. } => "服务器证书不受信任；请检查信任证书、主机名与时钟",
            ClientError::TlsRefused { .. } => "TLS 握手被拒绝；请使用受信任且有效的客户端证书",
            ClientError::Timeout { .. } => "服务器未在规定时间内应答；可重发同一报文",
            ClientError::TooLarge { .. } => "应答超过长度上限；请减少单次请求的数量",
            ClientError::Lost { .. } => "连接中断；可重发同一报文，不会重复生效",
            ClientError::Http { .. } => "应答不是 HTTP；请确认端口属于网关",
        }
    }

    /// What happened and what to do, in English.
    #[must_use]
    pub fn en(&self) -> String {
        let cause = self.source().map(|cause| format!(" ({cause})")).unwrap_or_default();
        format!("{self}{cause}; {}", self.hint_en())
    }

    /// What happened and what to do, in Chinese.
    #[must_use]
    pub fn zh(&self) -> String {
        format!("{} [{}: {self}]", self.hint_zh(), self.code())
    }
}

impl From<Unusable> for ClientError {
    fn from(unusable: Unusable) -> ClientError {
        match unusable {
            Unusable::Certificate(why) => ClientError::Certificate(why),
            Unusable::Key(why) => ClientError::Key(why),
        }
    }
}

impl Target {
    /// Sorts an error of the TLS handshake.
    pub(super) fn no_tls(&self, error: io::Error) -> ClientError {
        let server = self.base.clone();
        match tls_error(&error) {
            Some(source @ rustls::Error::InvalidCertificate(_)) => {
                ClientError::NotTrusted { server, source }
            }
            Some(source) => ClientError::TlsRefused { server, source },
            None => ClientError::Lost { server, source: error.into() },
        }
    }

    /// Sorts an error of HTTP. With TLS 1.3 the server judges our certificate after
    /// the handshake is over for us, so that a refusal arrives here.
    pub(super) fn broken(&self, error: hyper::Error) -> ClientError {
        let server = self.base.clone();
        match tls_error(&error) {
            Some(source) => ClientError::TlsRefused { server, source },
            None if error.is_parse() || error.is_user() => {
                ClientError::Http { server, source: error }
            }
            None => ClientError::Lost { server, source: error.into() },
        }
    }
}

/// The TLS error inside an error, if there is one.
fn tls_error(error: &(dyn Error + 'static)) -> Option<rustls::Error> {
    let mut cause = Some(error);
    while let Some(inner) = cause {
        if let Some(tls) = inner.downcast_ref::<rustls::Error>() {
            return Some(tls.clone());
        }
        // An io error hides what it wraps from `source`.
        cause = match inner.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(wrapped) => Some(wrapped),
            None => inner.source(),
        };
    }
    None
}
