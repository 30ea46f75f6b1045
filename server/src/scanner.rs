//! The hook for a virus scanner: clamd's INSTREAM over TCP, off unless an address is configured.
//!
//! The protocol is that of clamd(8): `zINSTREAM\0`, then pieces with their length in four bytes, big end first, and a piece
//! of length zero; the answer is one line. A scanner that does not answer lets nothing through: whoever configured it wants
//! every file looked at.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Longest that one file may take.
const LONGEST: Duration = Duration::from_secs(30);
/// So much is sent at once.
const PIECE: usize = 64 * 1024;
/// Longest answer that is read.
const LONGEST_ANSWER: u64 = 4 * 1024;

/// What the scanner said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scanned {
    /// Nothing found.
    Clean,
    /// Something found, by the scanner's name for it.
    Infected(String),
}

/// The scanner could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// No connection, or it broke.
    #[error("the virus scanner could not be reached")]
    Unreachable(#[from] std::io::Error),
    /// No answer in time.
    #[error("the virus scanner did not answer in time")]
    Slow,
    /// An answer that is none.
    #[error("the virus scanner did not understand: {0}")]
    Answer(String),
}

/// A scanner at an address like `127.0.0.1:3310`.
#[derive(Debug, Clone)]
pub struct Scanner(pub String);

impl Scanner {
    /// Has content looked at.
    pub async fn look_at(&self, content: &[u8]) -> Result<Scanned, ScanError> {
        tokio::time::timeout(LONGEST, self.ask(content)).await.map_err(|_| ScanError::Slow)?
    }

    async fn ask(&self, content: &[u8]) -> Result<Scanned, ScanError> {
        let mut stream = TcpStream::connect(&self.0).await?;
        stream.write_all(b"zINSTREAM\0").await?;
        for piece in content.chunks(PIECE) {
            let length = u32::try_from(piece.len()).unwrap_or_default();
            stream.write_all(&length.to_be_bytes()).await?;
            stream.write_all(piece).await?;
        }
        stream.write_all(&0_u32.to_be_bytes()).await?;
        let mut answer = Vec::new();
        stream.take(LONGEST_ANSWER).read_to_end(&mut answer).await?;
        let answer = String::from_utf8_lossy(&answer).trim_matches(['\0', '\n', ' ']).to_owned();
        match answer.strip_prefix("stream: ").unwrap_or(&answer) {
            "OK" => Ok(Scanned::Clean),
            found if found.ends_with(" FOUND") => Ok(Scanned::Infected(found.trim_end_matches(" FOUND").to_owned())),
            _ => Err(ScanError::Answer(answer.chars().take(120).collect())),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// A scanner that reads as clamd does and finds the word EICAR.
    async fn fake(answer: Option<&'static str>) -> Scanner {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a caller");
            let mut command = [0; 10];
            stream.read_exact(&mut command).await.expect("the command");
            assert_eq!(&command, b"zINSTREAM\0");
            let mut content = Vec::new();
            loop {
                let length = stream.read_u32().await.expect("a length");
                if length == 0 {
                    break;
                }
                let mut piece = vec![0; length as usize];
                stream.read_exact(&mut piece).await.expect("a piece");
                content.extend(piece);
            }
            let found = content.windows(5).any(|word| word == b"EICAR");
            let said = answer.unwrap_or(if found { "stream: Eicar-Signature FOUND\0" } else { "stream: OK\0" });
            stream.write_all(said.as_bytes()).await.expect("the answer");
        });
        Scanner(address)
    }

    #[tokio::test]
    async fn content_is_sent_in_pieces_and_the_answer_understood() {
        let large = vec![b'x'; 3 * PIECE + 17];
        assert_eq!(fake(None).await.look_at(&large).await.expect("an answer"), Scanned::Clean);
        let infected = [large.as_slice(), b"EICAR"].concat();
        let said = fake(None).await.look_at(&infected).await.expect("an answer");
        assert_eq!(said, Scanned::Infected("Eicar-Signature".to_owned()));
    }

    #[tokio::test]
    async fn a_scanner_that_fails_lets_nothing_through() {
        let broken = fake(Some("INSTREAM size limit exceeded. ERROR\0")).await;
        assert!(matches!(broken.look_at(b"x").await, Err(ScanError::Answer(_))));
        let nobody = Scanner("127.0.0.1:1".to_owned());
        assert!(matches!(nobody.look_at(b"x").await, Err(ScanError::Unreachable(_))));
    }
}
