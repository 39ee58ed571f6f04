//! The search itself: all that this process can read of itself.
//!
//! Spec: docs/security/erasure.md. Invariant: only the search's own buffer is left out; it is where everything is read to.

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::println;

use super::needles::fingerprint;

/// Bytes that are read at once.
const CHUNK: usize = 1 << 16;

/// Prints a line for each place where a word with one of these fingerprints stands, and how much was searched.
pub(super) fn own_memory(mut words: Vec<u64>) {
    // The test runner has begun a line of its own.
    println!();
    words.sort_unstable();
    let mut sieve = alloc::vec![false; 1 << 16];
    words.iter().for_each(|word| sieve[(word >> 48) as usize] = true);
    let memory = File::open("/proc/self/mem").unwrap();
    let mut buffer = alloc::vec![0; CHUNK + 7];
    let own = buffer.as_ptr() as usize;
    let own = own..own + buffer.len();
    let (mut bytes, mut unread, mut heap, mut stack) = (0, 0, false, false);
    for (range, name) in maps() {
        let mut at = range.start;
        while at < range.end {
            let len = (range.end - at).min(buffer.len());
            if memory.read_exact_at(&mut buffer[..len], at as u64).is_err() {
                // The kernel's own pages, which no process can read this way.
                unread += range.end - at;
                assert!(name.starts_with("[v"), "{name} could not be read");
                break;
            }
            for (offset, word) in buffer[..len].windows(8).enumerate() {
                let print = fingerprint(u64::from_ne_bytes(word.try_into().unwrap()));
                let hit = sieve[(print >> 48) as usize] && words.binary_search(&print).is_ok();
                if hit && !own.contains(&(at + offset)) {
                    println!("hit {print} {name} {:#x}", (at + offset) & !0xf);
                }
            }
            // The last seven bytes begin words that end in the next chunk.
            at += CHUNK.min(len);
            bytes += CHUNK.min(len);
        }
        heap |= name == "[heap]";
        stack |= name == "[stack]";
    }
    assert!(heap && stack, "heap or stack was not searched");
    println!("searched {bytes} bytes, {unread} of the kernel's not readable");
}

/// The bytes from `from` on.
pub(super) fn read(from: usize, out: &mut [u8]) {
    File::open("/proc/self/mem").unwrap().read_exact_at(out, from as u64).unwrap();
}

/// All readable maps, with the file behind each, or what the kernel calls it.
fn maps() -> Vec<(Range<usize>, String)> {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let parse = |line: &str| {
        let mut fields = line.split_whitespace();
        let (from, to) = fields.next()?.split_once('-')?;
        fields.next().filter(|rights| rights.starts_with('r'))?;
        let name = fields.nth(3).unwrap_or("anonymous");
        let number = |text| usize::from_str_radix(text, 16).unwrap();
        Some((number(from)..number(to), name.into()))
    };
    maps.lines().filter_map(parse).collect()
}
