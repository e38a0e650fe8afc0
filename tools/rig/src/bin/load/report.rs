//! The figures of a run, for people and as JSON.
use std::time::Duration;

use rig::RigError;
use rig::download::FUNCTIONS;
use rig::figures::{ms, percentile};
use rig::show::Show;
use serde_json::{Map, Value, json};

use crate::Arguments;
use crate::run::Measured;

impl Measured {
    fn cpu_ms_per_download(&self) -> f64 {
        ms(self.cpu) / self.count()
    }

    fn downloads_per_second(&self) -> f64 {
        self.count() / self.wall.as_secs_f64().max(f64::EPSILON)
    }

    fn count(&self) -> f64 {
        u32::try_from(self.downloads).map_or(f64::INFINITY, f64::from).max(1.0)
    }

    /// How long `percent` of the calls to the function at `place` took at most.
    fn call(&self, place: usize, percent: usize) -> Duration {
        let mut measured: Vec<_> =
            self.times.iter().filter_map(|times| times.0.get(place).copied()).collect();
        percentile(&mut measured, percent)
    }

    fn calls(&self, percent: usize) -> Value {
        let values = FUNCTIONS.iter().enumerate();
        let values =
            values.map(|(place, name)| ((*name).to_owned(), json!(rounded(ms(self.call(place, percent))))));
        Value::Object(values.collect::<Map<_, _>>())
    }
}

pub(crate) fn show_run(run: &Measured, floor: Duration, show: Show) {
    let cpu = run.cpu_ms_per_download();
    show.fact("verified downloads", &run.downloads.to_string());
    show.fact("server CPU", &format!("{cpu:.2} ms per download, {:.1} × the floor", cpu / ms(floor)));
    let rate = run.downloads_per_second();
    show.fact("rate", &format!("{rate:.1} downloads/s, the eUICCs' own work on the same machine included"));
    show.line(&format!("{:<26} {:>9} {:>9}", "call", "p50 ms", "p99 ms"));
    for (place, name) in FUNCTIONS.iter().enumerate() {
        show.line(&format!("{name:<26} {:>9.1} {:>9.1}", ms(run.call(place, 50)), ms(run.call(place, 99))));
    }
}

pub(crate) fn summary(
    arguments: &Arguments,
    floor: Duration,
    runs: &[Measured],
    peak_rss_kib: u64,
    show: Show,
) -> Result<Value, RigError> {
    let [keep_alive, new_connection] = runs else {
        return Err(RigError::Wrong("two runs were expected".to_owned()));
    };
    let ratio = |run: &Measured| rounded(run.cpu_ms_per_download() / ms(floor));
    let peak_rss_mib = peak_rss_kib.div_ceil(1024);
    show.section(5, "Summary");
    show.fact("floor", &format!("{:.3} ms of P-256 per download", ms(floor)));
    for run in runs {
        let text = format!("{:.2} ms CPU per download, ratio {}", run.cpu_ms_per_download(), ratio(run));
        show.fact(&run.way.suffix().replace('_', " "), &text);
    }
    show.fact("server peak memory", &format!("{peak_rss_mib} MiB"));
    Ok(json!({
        "downloads": arguments.downloads,
        "concurrent": arguments.concurrent,
        // A real LPA connects anew; so that is the figure when only one is wanted.
        "cpu_ms_per_download": rounded(new_connection.cpu_ms_per_download()),
        "cpu_ms_per_download_keep_alive": rounded(keep_alive.cpu_ms_per_download()),
        "cpu_ms_per_download_new_connection": rounded(new_connection.cpu_ms_per_download()),
        "floor_ms": rounded(ms(floor)),
        "ratio_keep_alive": ratio(keep_alive),
        "ratio_new_connection": ratio(new_connection),
        "downloads_per_second": rounded(new_connection.downloads_per_second()),
        "downloads_per_second_keep_alive": rounded(keep_alive.downloads_per_second()),
        "downloads_per_second_new_connection": rounded(new_connection.downloads_per_second()),
        "p50_ms_keep_alive": keep_alive.calls(50),
        "p99_ms_keep_alive": keep_alive.calls(99),
        "p50_ms_new_connection": new_connection.calls(50),
        "p99_ms_new_connection": new_connection.calls(99),
        "peak_rss_mib": peak_rss_mib,
    }))
}

fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}
