//! From parameters to the server's settings.

use std::rc::Rc;
use std::sync::Arc;

use patchcord_core::network::Network;
use patchcord_core::patch::OpId;
use patchcord_core::problem::Problem;
use patchcord_net::cors::Cors;
use patchcord_net::server::{Limits, Settings, TlsConfig};
use patchcord_net::static_files::StaticFiles;
use patchcord_net::tls::{MinimumVersion, ServerTls, TlsEnd, server_config};

use super::declaration::{PAGES, par};
use super::service::Options;
use crate::par_reader::{CompressionPars, ParReader};

/// Reads all parameters. Certificate and key are read from their files unless `tls` holds what they were made into
/// before. `Err` when TLS is asked for and cannot be had; the operator then shows why.
pub(super) fn read(network: &Network, op: OpId, tls: Option<Arc<TlsConfig>>) -> Result<(Options, Settings), ()> {
    let reader = ParReader { network, op };
    let options = Options {
        autopong: reader.on(par::AUTOPONG),
        subprotocols: reader.words(par::SUBPROTOCOLS),
        origins: reader.words(par::ORIGINS),
        keep_left: reader.size(par::KEEPLEFT),
        waiting: reader.size(par::MAXWAITING),
        answer_time: reader.seconds(par::ANSWERTIME),
    };
    let limits = Limits {
        message: reader.size(par::MAXMESSAGE),
        body: reader.size(par::MAXBODY),
        head: reader.size(par::MAXHEADER),
        connections: reader.size(par::MAXCONNECTIONS),
        connections_per_address: reader.size(par::MAXPERADDRESS),
        handshake_time: reader.seconds(par::HANDSHAKETIME),
        stall_time: reader.seconds(par::STALLTIME),
        idle_time: reader.seconds(par::IDLETIME),
        queue: reader.size(par::MAXQUEUE),
        ping_interval: reader.seconds(par::PINGINTERVAL),
        missed_pings: reader.size(par::MISSEDPINGS) as u32,
        ..Limits::default()
    };
    let tls = match tls {
        _ if !reader.on(par::SECURE) => None,
        Some(known) => Some(known),
        None => Some(tls_config(reader)?),
    };
    let origins = reader.words(par::CORSORIGINS);
    let settings = Settings {
        limits,
        slow_reader: reader.slow_reader(par::SLOWREADER),
        deflate: reader.deflate(&COMPRESSION, true),
        tls,
        static_files: static_files(reader),
        cors: (!origins.is_empty()).then(|| Rc::new(Cors { origins })),
    };
    Ok((options, settings))
}

const COMPRESSION: CompressionPars = CompressionPars::of(PAGES);

fn static_files(reader: ParReader<'_>) -> Option<Rc<StaticFiles>> {
    let Some(folder) = reader.path(par::STATICFOLDER) else {
        reader.network.clear_problem(reader.op, "staticfolder");
        return None;
    };
    if folder.is_dir() {
        reader.network.clear_problem(reader.op, "staticfolder");
    } else {
        let message = format!("the static folder {} does not exist", folder.display());
        let problem = Problem::warning("staticfolder", message, "make it, or set `staticfolder` to one that does");
        reader.network.report(reader.op, problem);
    }
    Some(Rc::new(StaticFiles::new(folder)))
}

fn tls_config(reader: ParReader<'_>) -> Result<Arc<TlsConfig>, ()> {
    let fail = |message: String, remedy: &str| {
        reader.network.report(reader.op, Problem::error("certificate", message, remedy));
    };
    let (Some(certificate), Some(private_key)) = (reader.path(par::CERTIFICATE), reader.path(par::PRIVATEKEY)) else {
        fail("TLS needs a certificate and a private key".to_owned(), "set `certificate` and `privatekey`");
        return Err(());
    };
    let password = reader.text(par::PASSWORD);
    let client_ca = reader.path(par::CLIENTCA);
    let wanted = ServerTls {
        certificate: &certificate,
        private_key: &private_key,
        password: (!password.is_empty()).then_some(&*password),
        client_ca: client_ca.as_deref(),
        verify_client: reader.on(par::VERIFYCLIENT),
        minimum: match &*reader.text(par::MINPROTOCOL) {
            "tlsv10" => MinimumVersion::Tls10,
            "tlsv11" => MinimumVersion::Tls11,
            "tlsv13" => MinimumVersion::Tls13,
            _ => MinimumVersion::Tls12,
        },
    };
    match server_config(&wanted) {
        Ok((config, warnings)) => {
            reader.network.clear_problem(reader.op, "certificate");
            reader.network.clear_problem(reader.op, "tls");
            let texts: Vec<String> = warnings.iter().map(ToString::to_string).collect();
            if !texts.is_empty() {
                reader.network.report(reader.op, Problem::warning("tls", texts.join("; "), ""));
            }
            Ok(config)
        }
        Err(error) => {
            fail(error.to_string(), &error.remedy(TlsEnd::Server));
            Err(())
        }
    }
}
