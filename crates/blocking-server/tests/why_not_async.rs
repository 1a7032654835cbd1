//! WSGI cannot be made async, and the compiler says so: each program that waits without keeping its thread
//! is refused, beside a twin that keeps it and compiles. The argument is in the documentation of
//! `blocking_server::wsgi`.
//!
//! The expected messages are those of the compiler that CI uses. If yours words them differently, look at
//! what it says, and then run this with `TRYBUILD=overwrite`.

#[path = "ui/body_blocks.rs"]
mod body_blocks;
#[path = "ui/call_blocks.rs"]
mod call_blocks;

/// The twins are compiled right here, so that the compiler needs to be asked only for its refusals.
#[test]
fn what_blocks_compiles_and_what_awaits_does_not() {
    body_blocks::main();
    call_blocks::main();
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/body_awaits.rs");
    cases.compile_fail("tests/ui/call_awaits.rs");
}
