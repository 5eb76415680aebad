//! Finding the private key among the sections of a PEM file, and decrypting it.

use pem::Pem;
use pkcs8::der::Decode;
use pkcs8::{EncryptedPrivateKeyInfoRef, PrivateKeyInfoRef, pkcs5};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer};

use super::error::{TlsError, TlsWarning};
use super::pem_file::PemFile;

/// The first private key of the file.
pub(super) fn find(
    file: &PemFile,
    password: Option<&str>,
    warnings: &mut Vec<TlsWarning>,
) -> Result<PrivateKeyDer<'static>, TlsError> {
    let path = || file.path().to_owned();
    // `EC PARAMETERS` and certificates may come before it.
    let section = file.sections().iter().find(|section| section.tag().ends_with("PRIVATE KEY"));
    let section = section.ok_or_else(|| TlsError::NoKey { path: path() })?;
    if section.tag() == "ENCRYPTED PRIVATE KEY" {
        let password = password.ok_or_else(|| TlsError::PasswordNeeded { path: path() })?;
        return decrypt(section.contents(), password, file);
    }
    if is_legacy_encrypted(section) {
        return Err(TlsError::UnsupportedEncryption { path: path() });
    }
    if password.is_some() {
        warnings.push(TlsWarning::PasswordUnused);
    }
    let der = section.contents().to_vec();
    match section.tag() {
        "PRIVATE KEY" => Ok(PrivatePkcs8KeyDer::from(der).into()),
        "RSA PRIVATE KEY" => Ok(PrivatePkcs1KeyDer::from(der).into()),
        "EC PRIVATE KEY" => Ok(PrivateSec1KeyDer::from(der).into()),
        _ => Err(TlsError::UnsupportedKey { path: path() }),
    }
}

/// Decrypts PKCS#8 (RFC 5958) that was encrypted by PBES2 (RFC 8018): PBKDF2 or scrypt, with AES or triple DES.
fn decrypt(der: &[u8], password: &str, file: &PemFile) -> Result<PrivateKeyDer<'static>, TlsError> {
    let path = || file.path().to_owned();
    let encrypted =
        EncryptedPrivateKeyInfoRef::from_der(der).map_err(|_| TlsError::UnsupportedEncryption { path: path() })?;
    match encrypted.decrypt(password) {
        Ok(key) if PrivateKeyInfoRef::from_der(key.as_bytes()).is_ok() => {
            Ok(PrivatePkcs8KeyDer::from(key.as_bytes().to_vec()).into())
        }
        // One wrong password in 256 passes the cipher's own check and yields a content that makes no sense.
        Ok(_) => Err(TlsError::WrongPassword { path: path() }),
        Err(pkcs8::Error::EncryptedPrivateKey(pkcs5::Error::DecryptFailed) | pkcs8::Error::Asn1(_)) => {
            Err(TlsError::WrongPassword { path: path() })
        }
        Err(_) => Err(TlsError::UnsupportedEncryption { path: path() }),
    }
}

/// Whether the section is in OpenSSL's own encrypted format, which has its cipher in a header (RFC 1421 §4.6).
fn is_legacy_encrypted(section: &Pem) -> bool {
    section.headers().get("Proc-Type").is_some_and(|value| value.contains("ENCRYPTED"))
}
