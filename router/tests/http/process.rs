//! The smallest program around the router, so that tests can start it as a process and send it signals.

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(config) = arguments.next() else {
        eprintln!("usage: router-under-test CONFIG [DEFECT]");
        return ExitCode::from(2);
    };
    let options = router::ServeOptions { config: config.into(), listen: None, defect: arguments.next() };
    match router::serve(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}
