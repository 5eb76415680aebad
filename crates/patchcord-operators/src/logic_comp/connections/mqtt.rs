//! Connections of MQTT: the MQTT DAT.

use std::rc::Weak;

use patchcord_core::network::Network;
use patchcord_core::patch::OpId;
use patchcord_logic::declaration::Family;
use patchcord_logic::ports::ConnectionRequest;

use super::{Asked, Connecting, bytes_of};
use crate::listening::Listener;
use crate::mqtt_dat::MqttDat;

pub(super) struct Mqtt;

impl Connecting for Mqtt {
    fn family(&self) -> Family {
        Family::Mqtt
    }

    fn listen(&self, network: &Network, op: OpId, listener: Weak<dyn Listener>) {
        network.with_begun_worker(op, |dat: &MqttDat| dat.listen(listener));
    }

    fn unlisten(&self, network: &Network, op: OpId, listener: &Weak<dyn Listener>) {
        network.with_worker(op, |dat: &MqttDat| dat.unlisten(listener));
    }

    fn request(&self, asked: &Asked<'_>, request: ConnectionRequest) -> Result<(), String> {
        let name = asked.name();
        match request {
            ConnectionRequest::Publish { topic, message } => {
                if let Err(error) = asked.with(|dat: &MqttDat| dat.publish(&topic, bytes_of(&message)))? {
                    asked.fail(format!("\"{topic}\" was not published on \"{name}\": {error}"));
                }
                Ok(())
            }
            ConnectionRequest::SubscribeTopics(filters) => {
                let filters: Vec<&str> = filters.iter().map(|filter| &**filter).collect();
                if let Err(error) = asked.with(|dat: &MqttDat| dat.subscribe(&filters))? {
                    asked.fail(format!("nothing was subscribed to on \"{name}\": {error}"));
                }
                Ok(())
            }
            _ => Err("an MQTT connection does not do this".to_owned()),
        }
    }

    fn is_open(&self, network: &Network, op: OpId) -> bool {
        network.with_worker(op, MqttDat::is_connected) == Some(true)
    }

    fn begin_again(&self, network: &Network, op: OpId) -> bool {
        network.with_worker(op, MqttDat::begin_again) == Some(true)
    }

    fn has_error_event(&self) -> bool {
        false
    }
}
