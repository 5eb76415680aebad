//! What can be wrong with certificates and keys, in the words of who has to put it right.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Which of the files is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsFile {
    /// The certificates that this end shows.
    Certificate,
    /// Their key.
    PrivateKey,
    /// The authorities of the clients.
    ClientCa,
    /// The authorities of the servers.
    ServerCa,
}

/// Which end of the connection is set up: their parameters have different names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsEnd {
    /// A server with its certificate.
    Server,
    /// A client, which shows a certificate where the server asks for one.
    Client,
}

impl TlsEnd {
    /// The parameter that names the file.
    pub fn parameter(self, file: TlsFile) -> &'static str {
        match (file, self) {
            (TlsFile::Certificate, TlsEnd::Server) => "certificate",
            (TlsFile::Certificate, TlsEnd::Client) => "clientcert",
            (TlsFile::PrivateKey, TlsEnd::Server) => "privatekey",
            (TlsFile::PrivateKey, TlsEnd::Client) => "clientkey",
            (TlsFile::ClientCa, _) => "clientca",
            (TlsFile::ServerCa, _) => "cafile",
        }
    }

    /// The parameter with the password of the private key.
    fn password(self) -> &'static str {
        match self {
            TlsEnd::Server => "password",
            TlsEnd::Client => "clientkeypassword",
        }
    }

    /// The parameter that tries again.
    fn again(self) -> &'static str {
        match self {
            TlsEnd::Server => "restart",
            TlsEnd::Client => "reset",
        }
    }
}

impl fmt::Display for TlsFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TlsFile::Certificate => "certificate file",
            TlsFile::PrivateKey => "private key file",
            TlsFile::ClientCa => "client authority file",
            TlsFile::ServerCa => "authority file",
        })
    }
}

/// Why TLS cannot be used. The text says what is wrong, [`remedy`](TlsError::remedy) what to do.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// No file is named.
    #[error("no {file} is set")]
    NotSet {
        /// Which.
        file: TlsFile,
    },
    /// The named file does not exist.
    #[error("the {file} {path} does not exist", path = path.display())]
    Missing {
        /// Which.
        file: TlsFile,
        /// Where it should be.
        path: PathBuf,
    },
    /// The path leads to a folder, a pipe or a device.
    #[error("the {file} {path} is not a file", path = path.display())]
    NotAFile {
        /// Which.
        file: TlsFile,
        /// What was named.
        path: PathBuf,
    },
    /// The system refuses to read the file.
    #[error("the {file} {path} cannot be read: {source}", path = path.display())]
    Unreadable {
        /// Which.
        file: TlsFile,
        /// Where it is.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is larger than 1 MiB, which no certificate or key is.
    #[error("the {file} {path} is larger than 1 MiB", path = path.display())]
    TooLarge {
        /// Which.
        file: TlsFile,
        /// Where it is.
        path: PathBuf,
    },
    /// The file has no PEM section; it may be DER or PKCS#12.
    #[error("the {file} {path} is not in PEM format", path = path.display())]
    NotPem {
        /// Which.
        file: TlsFile,
        /// Where it is.
        path: PathBuf,
    },
    /// A PEM section is cut off or garbled.
    #[error("the {file} {path} is damaged", path = path.display())]
    Damaged {
        /// Which.
        file: TlsFile,
        /// Where it is.
        path: PathBuf,
    },
    /// The file has PEM sections, but no certificate among them.
    #[error("the {file} {path} contains no certificate", path = path.display())]
    NoCertificate {
        /// Which.
        file: TlsFile,
        /// Where it is.
        path: PathBuf,
    },
    /// A certificate is of a kind that rustls does not take, for instance X.509 version 1.
    #[error("the {file} {path} contains a certificate that cannot be used: {source}", path = path.display())]
    UnsupportedCertificate {
        /// Which.
        file: TlsFile,
        /// Where it is.
        path: PathBuf,
        /// What rustls says.
        source: rustls::Error,
    },
    /// The file has PEM sections, but no private key among them.
    #[error("the private key file {path} contains no private key", path = path.display())]
    NoKey {
        /// Where it is.
        path: PathBuf,
    },
    /// The key is encrypted and no password is set.
    #[error("the private key {path} needs a password", path = path.display())]
    PasswordNeeded {
        /// Where the key is.
        path: PathBuf,
    },
    /// The key is encrypted with another password.
    #[error("the password of the private key {path} is wrong", path = path.display())]
    WrongPassword {
        /// Where the key is.
        path: PathBuf,
    },
    /// The key is encrypted in a way that is not read here: OpenSSL's own from before PKCS#8 (`Proc-Type:
    /// 4,ENCRYPTED`), PKCS#5 version 1, or a rare cipher.
    #[error("the private key {path} is encrypted in an outdated or uncommon way", path = path.display())]
    UnsupportedEncryption {
        /// Where the key is.
        path: PathBuf,
    },
    /// The key is of a kind that ring does not sign with. It takes RSA of 2048 bits and more, the curves P-256 and
    /// P-384, and Ed25519.
    #[error("the private key {path} is of a kind that is not supported", path = path.display())]
    UnsupportedKey {
        /// Where the key is.
        path: PathBuf,
    },
    /// The key is not that of the file's first certificate.
    #[error("the private key {key} does not belong to the first certificate in {certificate}",
        key = key.display(), certificate = certificate.display())]
    KeyMismatch {
        /// Where the certificate is.
        certificate: PathBuf,
        /// Where the key is.
        key: PathBuf,
    },
    /// Clients are to be verified, but it is not said against whom.
    #[error("clients are to be verified, but no client authority file is set")]
    ClientCaNotSet,
    /// The system has no authorities to verify servers by.
    #[error("this system has no certificate authorities: {reason}")]
    NoSystemAuthorities {
        /// What went wrong in reading them, or where they were looked for.
        reason: String,
    },
    /// What the server's certificate is to be issued for is neither a name nor an address.
    #[error("`{name}` is no name that a server's certificate can be issued for")]
    ServerName {
        /// What was given.
        name: String,
    },
    /// rustls refuses the configuration for a reason of its own.
    #[error("tls cannot be set up: {source}")]
    Refused {
        /// What rustls says.
        source: rustls::Error,
    },
}

impl TlsError {
    /// What a person can do about it, with a command to copy where one helps.
    pub fn remedy(&self, end: TlsEnd) -> String {
        match self {
            TlsError::NotSet { file } | TlsError::Missing { file, .. } | TlsError::NotAFile { file, .. } => {
                format!("set `{}` to a file in PEM format", end.parameter(*file))
            }
            TlsError::Unreadable { path, .. } => {
                format!("let this user read it, for instance: chmod u+r {}", quoted(path))
            }
            TlsError::TooLarge { file, .. } => {
                format!("set `{}` to a file that holds nothing but certificates and keys", end.parameter(*file))
            }
            TlsError::NotPem { file: TlsFile::PrivateKey, path } => {
                format!("convert it: openssl pkey -in {} -out key.pem (from PKCS#12: {PKCS12})", quoted(path))
            }
            TlsError::NotPem { path, .. } => {
                format!("convert it: openssl x509 -in {} -out certificate.pem (from PKCS#12: {PKCS12})", quoted(path))
            }
            TlsError::Damaged { .. } => {
                "copy the file again, whole, from each -----BEGIN line to its -----END line".to_owned()
            }
            TlsError::NoCertificate { file, .. } => {
                format!("set `{}` to the file that has -----BEGIN CERTIFICATE----- in it", end.parameter(*file))
            }
            TlsError::UnsupportedCertificate { .. } => {
                "have it issued again as X.509 version 3; a self-signed one for this machine: openssl req -x509 \
                 -newkey rsa:2048 -noenc -subj /CN=localhost -addext subjectAltName=DNS:localhost -days 365 -keyout \
                 key.pem -out certificate.pem"
                    .to_owned()
            }
            TlsError::NoKey { .. } => {
                format!(
                    "set `{}` to the file that has -----BEGIN PRIVATE KEY----- in it",
                    end.parameter(TlsFile::PrivateKey)
                )
            }
            TlsError::PasswordNeeded { .. } => format!("set `{}`", end.password()),
            TlsError::WrongPassword { .. } => format!("correct `{}`", end.password()),
            TlsError::UnsupportedEncryption { path } => {
                let path = quoted(path);
                format!(
                    "convert it, keeping the password: openssl pkcs8 -topk8 -v2 aes-256-cbc -in {path} -out key.pem"
                )
            }
            TlsError::UnsupportedKey { .. } => {
                "use an RSA key of 2048 to 8192 bits, or one on the curve P-256, P-384 or Ed25519".to_owned()
            }
            TlsError::KeyMismatch { .. } => format!(
                "set `{}` to the key that the certificate was issued for; in the certificate file, the {}'s own \
                 certificate must come first",
                end.parameter(TlsFile::PrivateKey),
                if end == TlsEnd::Server { "server" } else { "client" },
            ),
            TlsError::ClientCaNotSet => {
                "set `clientca` to a PEM file with the authority that signs the clients' certificates, or switch \
                 `verifyclient` off"
                    .to_owned()
            }
            TlsError::NoSystemAuthorities { .. } => {
                "install the system's authorities (on Debian: apt install ca-certificates), or set `cafile`".to_owned()
            }
            TlsError::ServerName { .. } => {
                "set `servername` to the name in the server's certificate, for instance example.org".to_owned()
            }
            TlsError::Refused { .. } => format!("correct the files and pulse `{}`", end.again()),
        }
    }
}

/// What works, but not as somebody may think.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TlsWarning {
    /// A withdrawn version was asked for.
    #[error("tls {asked} is withdrawn; the oldest version accepted is 1.2")]
    VersionRaised {
        /// The version asked for.
        asked: &'static str,
    },
    /// Clients will refuse the certificate.
    #[error("the certificate expired on {at}")]
    Expired {
        /// When, in UTC.
        at: String,
    },
    /// Clients will refuse the certificate, or this machine's clock is wrong.
    #[error("the certificate is not valid before {from}")]
    NotYetValid {
        /// From when on, in UTC.
        from: String,
    },
    /// The key could be read by anybody who has the file.
    #[error("a password is set, but the private key is not encrypted")]
    PasswordUnused,
    /// Whoever sits between can read and change everything.
    #[error("the server's certificate is not verified")]
    ServerNotVerified,
    /// Every client is let in.
    #[error("a client authority file is set, but clients are not verified")]
    ClientCaUnused,
}

const PKCS12: &str = "openssl pkcs12 -noenc -in FILE -out combined.pem";

/// A path as an argument of a shell command.
fn quoted(path: &Path) -> String {
    let path = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+".contains(c);
    if path.chars().all(plain) { path } else { format!("'{}'", path.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_can_be_copied_whatever_the_path_is() {
        let error = TlsError::UnsupportedEncryption { path: PathBuf::from("/my show/it's.pem") };
        assert!(
            error.remedy(TlsEnd::Server).contains(r"-in '/my show/it'\''s.pem' -out"),
            "{}",
            error.remedy(TlsEnd::Server)
        );
        let error = TlsError::UnsupportedEncryption { path: PathBuf::from("/show/key.pem") };
        assert!(error.remedy(TlsEnd::Server).contains("-in /show/key.pem -out"), "{}", error.remedy(TlsEnd::Server));
    }

    #[test]
    fn remedies_name_the_parameters_of_the_end_that_is_set_up() {
        let path = PathBuf::from("key.pem");
        let errors = [
            (TlsError::PasswordNeeded { path: path.clone() }, "`password`", "`clientkeypassword`"),
            (TlsError::NoKey { path: path.clone() }, "`privatekey`", "`clientkey`"),
            (TlsError::NotSet { file: TlsFile::Certificate }, "`certificate`", "`clientcert`"),
            (TlsError::KeyMismatch { certificate: path.clone(), key: path }, "`privatekey`", "`clientkey`"),
        ];
        for (error, server, client) in errors {
            assert!(error.remedy(TlsEnd::Server).contains(server), "{error}");
            assert!(error.remedy(TlsEnd::Client).contains(client), "{error}");
        }
    }
}
