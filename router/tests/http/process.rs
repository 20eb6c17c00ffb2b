//! The smallest program around the router, so that tests can start it as a process and send it signals.

use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(config) = std::env::args_os().nth(1) else {
        eprintln!("usage: router-under-test CONFIG");
        return ExitCode::from(2);
    };
    let options = router::ServeOptions { config: config.into(), listen: None, defect: None };
    match router::serve(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}
