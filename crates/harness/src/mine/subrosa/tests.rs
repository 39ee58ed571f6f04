//! The run is real: what was said arrives, and the record shows what a relay sees.

use super::*;
use crate::mine::traffic::{Kind, Scale};

const SCALE: Scale = Scale { people: 8, circles: 2, days: 2, talks: 3 };

#[test]
fn what_is_said_passes_the_relay_once_per_cell_and_reaches_its_reader() {
    let traffic = Traffic::new(SCALE, 1);
    let [_, operator, network] = subrosa(&traffic).expect("it goes through");
    let seen = operator.traces.iter().flatten().filter(|trace| trace.sender.is_some()).count();
    assert!(seen * 100 >= traffic.messages.len() * 95, "{seen} of {}", traffic.messages.len());
    let arrived = operator.traces.iter().flatten().filter(|trace| trace.arrived.is_some()).count();
    assert!(arrived * 10 >= traffic.messages.len() * 8, "{arrived} of {}", traffic.messages.len());
    for (message, trace) in traffic.messages.iter().zip(&operator.traces) {
        let Some(trace) = trace.as_ref().filter(|trace| trace.sender.is_some()) else { continue };
        assert_eq!(trace.sender, Some(message.from));
        assert_eq!(trace.text, None);
        if message.kind == Kind::Line && message.text.len() < 1_000 {
            assert_eq!(trace.bytes, 4_096, "a line is one cell, {} bytes long", message.text.len());
        }
    }
    assert!(network.sightings.iter().all(|sighting| sighting.whom.is_none()), "a line shows no queue");
}

#[test]
fn the_same_seed_gives_the_same_record() {
    let traffic = Traffic::new(SCALE, 2);
    let shape = || {
        subrosa(&traffic).expect("it goes through")[1]
            .sightings
            .iter()
            .map(|s| (s.at, s.who, s.whom))
            .collect::<Vec<_>>()
    };
    assert_eq!(shape(), shape());
}

#[test]
fn a_cell_takes_three_packets_and_an_answer_one() {
    use subrosa_wire::{Frame, Response, Rid};
    assert_eq!(datagrams(Frame::new(Rid(1), Response::DONE).encoded_len()), 1);
    assert_eq!(datagrams(4_096 + 41), 3);
}
