//! Parameters of every operator that dials a server: certificates, proxy, compression. What they become is in
//! [`par_reader`](crate::par_reader).

use patchcord_core::declaration::Parameter;

pub(crate) const CA_FILE: Parameter = Parameter::file("cafile", "CA File Path")
    .help("PEM file with the authorities to trust, in the place of the system's.");

pub(crate) const CLIENT_CERTIFICATE: Parameter = Parameter::file("clientcert", "Client Certificate")
    .help("PEM file with the certificate to show to servers that ask for one.");

pub(crate) const CLIENT_KEY: Parameter = Parameter::file("clientkey", "Client Key")
    .help("PEM file with its private key. Empty: it stands in the certificate's file.");

pub(crate) const CLIENT_KEY_PASSWORD: Parameter = Parameter::str("clientkeypassword", "Client Key Password", "")
    .secret()
    .help("Password of an encrypted private key.");

pub(crate) const SERVER_NAME: Parameter = Parameter::str("servername", "Server Name", "")
    .help("Name that the certificate must have, when it is not the one of the address.");

pub(crate) const PROXY: Parameter = Parameter::str("proxy", "Proxy", "")
    .secret()
    .help("Proxy to go through: http://user:password@host:port for HTTP CONNECT, socks5://host:port for SOCKS 5.");

pub(crate) const COMPRESSION: Parameter = Parameter::toggle("compression", "Compression", false).beyond().help(
    "Offers to compress messages (permessage-deflate): less to transmit, more work. This and how it \
     compresses hold from the next connection on.",
);

pub(crate) const COMPRESS_LEVEL: Parameter = Parameter::int("compresslevel", "Compression Level", 6, 1, 9)
    .beyond()
    .help("1 is the fastest, 9 makes the smallest messages.");

pub(crate) const COMPRESS_CONTEXT: Parameter =
    Parameter::toggle("compresscontext", "Compression Context", false).beyond().help(
        "Lets messages refer back to those before them: many that are alike become much smaller, for 360 KiB of \
     memory, or 240 with the smallest `compresswindow`.",
    );

pub(crate) const COMPRESS_WINDOW: Parameter =
    Parameter::int("compresswindow", "Compression Window", 15, 8, 15).beyond().help(
        "How far back the messages that are sent refer, as a power of two of bytes: 15 is 32 KiB. Less saves \
     memory where `compresscontext` is on.",
    );
