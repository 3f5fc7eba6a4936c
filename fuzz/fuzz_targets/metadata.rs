#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dcodec_fuzz::metadata(data));
