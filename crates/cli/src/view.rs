//! `dcodec view`: a file in the browser, from a server that this machine alone can reach.

#[cfg(feature = "view")]
mod pages;
#[cfg(feature = "view")]
mod server;

use dcodec_eval::Log;

use crate::args::View;
#[cfg(not(feature = "view"))]
use crate::error::Error;
use crate::error::Result;

/// Serves the page until the command is interrupted.
#[cfg(feature = "view")]
pub fn run(a: &View, log: Log) -> Result<()> {
    let pages = pages::Pages::new(a)?;
    let server = server::Server::bind(a.port, pages)?;
    let address = server.address();
    // On standard output, for scripts; messages can be quiet.
    dcodec_eval::io::print(&format!("{address}\n"))?;
    if !a.no_open && !server::open(&address) {
        log.say("no browser could be opened: open the address above");
    }
    log.say("Ctrl-C ends the server");
    server.run()
}

#[cfg(not(feature = "view"))]
pub fn run(_: &View, _: Log) -> Result<()> {
    Err(Error::Failed(
        "this build has no server for the browser: build dcodec with it (cargo install --path crates/cli --features view)"
            .into(),
    ))
}
