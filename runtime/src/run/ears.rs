//! What an attempt hears from the other processes, and whom it concerns.
use super::control::{Control, FailureKind};
use super::keeper::Heard;
use crate::mesh::wire::Message;
use std::sync::Arc;
use tokio::sync::mpsc::UnboundedSender;

/// See the module.
pub(crate) struct Ears {
    pub control: Arc<Control>,
    /// To the keeper.
    pub heard: UnboundedSender<Heard>,
}

impl Ears {
    /// Takes in what process `from` says.
    pub fn hear(&self, from: usize, name: &str, message: Message) {
        let to_keeper = match message {
            Message::Report(report) => Heard::Report { process: from, report },
            Message::Order(order) if from == 0 => Heard::Order(order),
            Message::Order(order) => {
                return self.fail(format!("{name} gave the order {order:?}, which only process 0 may"));
            }
            Message::WokeUp => return self.control.wake_up(),
            Message::ShortOfRoom => return self.control.ask_for_room(),
            Message::Stop => return self.control.stop(),
            Message::Look(look) => return self.control.board.note_look(from, look),
            Message::Failed { what, kind } => {
                let kind = if kind == FailureKind::Refused { kind } else { FailureKind::Lost };
                return self.control.fail_as(format!("{name} has failed: {what}"), kind);
            }
        };
        let _ = self.heard.send(to_keeper); // the keeper is gone only when the attempt is over
    }

    /// A process is lost. Returns when no worker is left.
    pub fn lost(&self, why: String) {
        self.fail(why);
        self.control.wait_until_released();
    }

    /// A process is lost, unless all is done.
    pub fn fail(&self, why: String) {
        if !self.control.is_done() {
            self.control.fail_as(why, FailureKind::Lost);
        }
    }

    /// Whether the run was asked to stop, here.
    pub fn is_stopping(&self) -> bool {
        self.control.asked() == Some(super::control::Why::Stop)
    }
}
