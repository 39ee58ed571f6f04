//! The command line: arguments in, lines (or, with `--json`, objects) out, and an exit code.
//!
//! Spec: docs/guide/chat.md, "The command line". Invariant: a passphrase never stands in argv, and what went wrong goes to
//! stderr in one sentence with its code.

mod args;
mod backup;
mod doctor;
mod exit;
mod export;
mod invites;
mod out;
mod people;
mod profile;
mod session;
mod setup;
mod talk;
mod words;

use std::process::ExitCode;

use clap::Parser;

use args::{Args, Verb};

pub(crate) use args::Key;
pub(crate) use exit::{Exit, Fail};
#[cfg(feature = "host")]
pub(crate) use out::Out;
pub(crate) use out::Printer;
pub(crate) use profile::Place;
pub(crate) use session::{Started, open, own_relay, start};

/// Parses this process's arguments and does what they say.
pub(crate) fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(why) => {
            // Help and version go to stdout and are no failure.
            let usage = why.use_stderr();
            let _ = why.print();
            return if usage { Exit::Usage.into() } else { ExitCode::SUCCESS };
        }
    };
    let printer = Printer::new(args.json);
    match run(args, &printer) {
        Ok(exit) => exit.into(),
        Err(fail) => {
            printer.fail(&fail);
            fail.exit.into()
        }
    }
}

fn run(args: Args, printer: &Printer) -> Result<Exit, Fail> {
    // Before any key is touched.
    subrosa_client::self_test()?;
    let place = Place::of(&args.profile, args.folder.clone())?;
    let verb = match args.verb {
        None => return crate::screen(&place, &args.key),
        Some(Verb::Demo) => return crate::demo(),
        Some(Verb::Keys) => {
            crate::print_keys();
            return Ok(Exit::Done);
        }
        #[cfg(feature = "host")]
        Some(Verb::Host) => return crate::hosting::serve(&place, printer),
        Some(Verb::Picture { ref out }) => return crate::picture(out.as_deref()),
        Some(verb) => verb,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|why| Fail::new(Exit::Failed, format!("the program could not start its runtime: {why}")))?;
    runtime.block_on(async {
        match verb {
            Verb::Init(init) => setup::init(&place, &args.key, &init, printer).await,
            Verb::Passwd(new) => setup::passwd(&place, &args.key, &new, printer).await,
            Verb::Doctor => doctor::run(&place, &args.key, printer).await,
            Verb::Words => Ok(words::print(printer)),
            Verb::Backup(order) if order.verify => backup::verify(&order, printer),
            Verb::Restore(order) => backup::restore(&place, &args.key, order, printer).await,
            verb => {
                let session = session::Session::open(&place, &args.key)?;
                let done = with_session(&session, verb, printer).await;
                session.close().await;
                done
            }
        }
    })
}

async fn with_session(session: &session::Session, verb: Verb, printer: &Printer) -> Result<Exit, Fail> {
    match verb {
        Verb::Invite { reusable, wait } => invites::invite(session, reusable, wait, printer).await,
        Verb::Invites => invites::list(session, printer).await,
        Verb::Revoke { invite, wait } => invites::revoke(session, invite, wait, printer).await,
        Verb::Add(add) => invites::add(session, add, printer).await,
        Verb::Contacts => people::contacts(session, printer).await,
        Verb::Requests { wait } => people::requests(session, wait, printer).await,
        Verb::Accept { request, wait } => people::decide(session, (&request, true), wait, printer).await,
        Verb::Reject { request, wait } => people::decide(session, (&request, false), wait, printer).await,
        Verb::Rename { contact, name } => people::rename(session, &contact, name, printer).await,
        Verb::Forget { contact, wait } => people::forget(session, &contact, wait, printer).await,
        Verb::Verify(verify) => people::verify(session, &verify, printer).await,
        Verb::Unlatch { contact } => people::unlatch(session, &contact, printer).await,
        Verb::Recover { contact, wait } => people::recover(session, &contact, wait, printer).await,
        Verb::Send(send) => talk::send(session, send, printer).await,
        Verb::Read(read) => talk::read(session, &read, printer).await,
        Verb::Status { wait } => people::status(session, wait, printer).await,
        Verb::Backup(order) => backup::make(session, order, printer).await,
        Verb::Export(order) => export::export(session, &order, printer).await,
        Verb::Init(_)
        | Verb::Passwd(_)
        | Verb::Restore(_)
        | Verb::Words
        | Verb::Doctor
        | Verb::Demo
        | Verb::Keys
        | Verb::Picture { .. } => Ok(Exit::Done),
        #[cfg(feature = "host")]
        Verb::Host => Ok(Exit::Done),
    }
}
