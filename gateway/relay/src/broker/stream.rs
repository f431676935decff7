//! The connection below AMQP: TCP, and TLS when the address says `amqps`. The library
//! is given a stream that is open already, so that what is trusted is decided here: with
//! the features we build it with, the library itself would speak plain TCP to `amqps`.
//! The stream can be ended from outside, so that a peer that accepts and then says
//! nothing does not keep a thread of the library for ever.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use async_rs::Tokio;
use async_rs::traits::{Executor, Reactor, RuntimeKit};
use async_rs::util::Task;
use futures_lite::{AsyncRead, AsyncWrite, Stream as Items};
use lapin::uri::AMQPUri;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::CONNECT_TIMEOUT;

/// An open connection.
pub(super) struct Stream {
    inner: Inner,
    end: Pin<Box<WaitForCancellationFutureOwned>>,
}

enum Inner {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    /// Connects; `tls` is what `amqps` is spoken with. Ends when `end` is cancelled.
    pub(super) async fn open(
        uri: &AMQPUri,
        tls: Option<Arc<ClientConfig>>,
        end: CancellationToken,
    ) -> io::Result<Stream> {
        let connected = async {
            let tcp = TcpStream::connect((uri.authority.host.as_str(), uri.authority.port)).await?;
            tcp.set_nodelay(true)?;
            let Some(tls) = tls else { return Ok::<_, io::Error>(Inner::Plain(tcp)) };
            let name = ServerName::try_from(uri.authority.host.clone())
                .map_err(|e| io::Error::new(io::ErrorKind::InvalidInput, e))?;
            let stream = TlsConnector::from(tls).connect(name, tcp).await?;
            Ok(Inner::Tls(Box::new(stream)))
        };
        tokio::select! {
            connected = timeout(CONNECT_TIMEOUT, connected) => match connected {
                Ok(inner) => Ok(Stream { inner: inner?, end: Box::pin(end.cancelled_owned()) }),
                Err(_) => Err(io::ErrorKind::TimedOut.into()),
            },
            () = end.cancelled() => Err(io::ErrorKind::ConnectionAborted.into()),
        }
    }

    fn ended(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        match self.end.as_mut().poll(cx) {
            Poll::Ready(()) => Err(io::ErrorKind::ConnectionAborted.into()),
            Poll::Pending => Ok(()),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.ended(cx)?;
        let mut buffer = ReadBuf::new(buffer);
        ready!(match &mut self.inner {
            Inner::Plain(tcp) => Pin::new(tcp).poll_read(cx, &mut buffer),
            Inner::Tls(tls) => Pin::new(tls).poll_read(cx, &mut buffer),
        })?;
        Poll::Ready(Ok(buffer.filled().len()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.ended(cx)?;
        match &mut self.inner {
            Inner::Plain(tcp) => Pin::new(tcp).poll_write(cx, bytes),
            Inner::Tls(tls) => Pin::new(tls).poll_write(cx, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.inner {
            Inner::Plain(tcp) => Pin::new(tcp).poll_flush(cx),
            Inner::Tls(tls) => Pin::new(tls).poll_flush(cx),
        }
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.inner {
            Inner::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Inner::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
        }
    }
}

/// Tokio, with our stream in place of its own.
#[derive(Clone, Debug)]
pub(super) struct Kit(Tokio);

impl Kit {
    /// On the runtime of whoever calls.
    pub(super) fn current() -> Kit {
        Kit(Tokio::current())
    }
}

impl RuntimeKit for Kit {}

impl Executor for Kit {
    type Task<T: Send + 'static> = <Tokio as Executor>::Task<T>;

    fn block_on<T, F: Future<Output = T>>(&self, work: F) -> T {
        self.0.block_on(work)
    }

    fn spawn<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
        &self,
        work: F,
    ) -> Task<Self::Task<T>> {
        self.0.spawn(work)
    }

    fn spawn_blocking<T: Send + 'static, F: FnOnce() -> T + Send + 'static>(
        &self,
        work: F,
    ) -> Task<Self::Task<T>> {
        self.0.spawn_blocking(work)
    }
}

impl Reactor for Kit {
    type TcpStream = Stream;
    type Sleep = <Tokio as Reactor>::Sleep;

    /// Not used: connections are opened by [`Stream::open`].
    fn register<H: Read + Write + Send + 'static>(
        &self,
        _: H,
    ) -> io::Result<impl AsyncRead + AsyncWrite + Send + Unpin + 'static> {
        Err::<Stream, _>(io::ErrorKind::Unsupported.into())
    }

    fn sleep(&self, duration: Duration) -> Self::Sleep {
        self.0.sleep(duration)
    }

    fn interval(&self, duration: Duration) -> impl Items<Item = Instant> + Send + 'static {
        self.0.interval(duration)
    }

    /// Not used, see [`Kit::register`].
    fn tcp_connect_addr(
        &self,
        _: SocketAddr,
    ) -> impl Future<Output = io::Result<Stream>> + Send + 'static {
        std::future::ready(Err(io::ErrorKind::Unsupported.into()))
    }
}
