//! Reading PEM files (RFC 7468), bounded and with errors that name the file.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use pem::Pem;
use rustls_pki_types::CertificateDer;

use super::error::{TlsError, TlsFile};

/// Bytes of a file that are read at most.
const LIMIT: u64 = 1 << 20;

/// What a section begins with.
const BEGIN: &[u8] = b"-----BEGIN ";

/// The sections of a file.
pub(super) struct PemFile {
    file: TlsFile,
    path: PathBuf,
    sections: Vec<Pem>,
}

impl PemFile {
    /// Reads all sections. Text around them is passed over.
    pub(super) fn read(file: TlsFile, path: &Path) -> Result<Self, TlsError> {
        if path.as_os_str().is_empty() {
            return Err(TlsError::NotSet { file });
        }
        let path = path.to_owned();
        let content = match read_bounded(&path) {
            Ok(Content::Whole(content)) => content,
            Ok(Content::TooLarge) => return Err(TlsError::TooLarge { file, path }),
            Ok(Content::NotAFile) => return Err(TlsError::NotAFile { file, path }),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Err(TlsError::Missing { file, path });
            }
            Err(source) => return Err(TlsError::Unreadable { file, path, source }),
        };
        let begun = content.windows(BEGIN.len()).filter(|&window| window == BEGIN).count();
        if begun == 0 {
            return Err(TlsError::NotPem { file, path });
        }
        // The parser stops in silence at a section without an end, hence the count.
        match pem::parse_many(&content) {
            Ok(sections) if sections.len() == begun => Ok(PemFile { file, path, sections }),
            _ => Err(TlsError::Damaged { file, path }),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn sections(&self) -> &[Pem] {
        &self.sections
    }

    /// The certificates, in the order of the file; at least one.
    pub(super) fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        let certificates: Vec<_> = self
            .sections
            .iter()
            .filter(|section| section.tag() == "CERTIFICATE")
            .map(|section| CertificateDer::from(section.contents().to_vec()))
            .collect();
        if certificates.is_empty() {
            return Err(TlsError::NoCertificate { file: self.file, path: self.path.clone() });
        }
        Ok(certificates)
    }
}

enum Content {
    Whole(Vec<u8>),
    TooLarge,
    NotAFile,
}

fn read_bounded(path: &Path) -> io::Result<Content> {
    // Asked before opening, because opening a pipe would wait for its other end.
    if !std::fs::metadata(path)?.is_file() {
        return Ok(Content::NotAFile);
    }
    let mut content = Vec::new();
    File::open(path)?.take(LIMIT + 1).read_to_end(&mut content)?;
    Ok(if content.len() as u64 > LIMIT { Content::TooLarge } else { Content::Whole(content) })
}
