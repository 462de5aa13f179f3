//! Pictures of recordings whose writer died with an earlier process: their peaks are made anew, so that their pages show how loud they
//! were and how long they are.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use patchcord_media::recording::draw_beside;
use tokio::sync::watch;
use tracing::{info, warn};

use crate::retention::days;

/// Recordings that are looked at: a day of a very full server. What is older was looked at by an earlier start.
const MOST: usize = 10_000;

/// Draws what nobody has drawn of recordings that were written last before that moment, one after the other, the newest first, until
/// `stopped` says that it is over. Whoever records now writes his own.
pub async fn draw_missing(folder: Arc<Path>, before: SystemTime, mut stopped: watch::Receiver<bool>) {
    let all = async {
        let look = tokio::task::spawn_blocking(move || undrawn(&folder, before));
        let mut drawn = 0_usize;
        for path in look.await.unwrap_or_default() {
            let named = path.clone();
            let made = tokio::task::spawn_blocking(move || draw_beside(&named))
                .await
                .unwrap_or_else(|why| Err(io::Error::other(why)));
            match made {
                Ok(made) => drawn += usize::from(made),
                Err(error) => {
                    warn!(path = %path.display(), %error, "a recording that a crash has cut off cannot be drawn")
                }
            }
        }
        if drawn > 0 {
            info!(drawn, "recordings that an earlier process did not finish have their pictures");
        }
    };
    tokio::select! {
        () = all => {}
        () = async { drop(stopped.wait_for(|stopped| *stopped).await) } => {}
    }
}

/// Recordings without peaks. Blocks.
fn undrawn(folder: &Path, before: SystemTime) -> Vec<PathBuf> {
    let is_sound = |path: &Path| {
        path.extension().is_some_and(|ending| ["wav", "opus", "ogg"].iter().any(|known| ending == *known))
    };
    let mut days = days(folder);
    days.sort_by(|one, other| other.0.cmp(&one.0));
    let files = days.into_iter().flat_map(|(_, day)| fs::read_dir(day).into_iter().flatten().flatten());
    let over = files.filter_map(|entry| {
        let about = entry.metadata().ok().filter(fs::Metadata::is_file)?;
        let is_over = about.len() > 0 && about.modified().is_ok_and(|written| written < before);
        Some(entry.path()).filter(|path| is_over && is_sound(path) && !beside(path).exists())
    });
    over.take(MOST).collect()
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".peaks");
    name.into()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use patchcord_media::{frame::Rate, recording::wav_of};

    use super::*;
    use crate::recordings::peaks;

    #[tokio::test]
    async fn what_a_crash_has_cut_off_is_drawn_as_far_as_it_goes_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let day = folder.path().join("2026-11-21");
        fs::create_dir(&day).expect("a folder");
        let whole = wav_of(Rate::Narrow, &[12_000; 16_000]);
        fs::write(day.join("cut.wav"), &whole[..44 + 16_000]).expect("written");
        fs::write(day.join("drawn.wav"), &whole).expect("written");
        fs::write(day.join("drawn.wav.peaks"), b"PKS1\x01\x0a\0\0\x07").expect("written");
        fs::write(day.join("none.wav"), b"no sound").expect("written");
        fs::write(day.join("room.ledger"), b"no sound").expect("written");
        let (tell, stopped) = watch::channel(false);
        let later = patchcord_engine::runtime::clock::wall() + Duration::from_secs(60);
        // Not what is written now.
        draw_missing(folder.path().into(), SystemTime::UNIX_EPOCH, stopped.clone()).await;
        assert_eq!(peaks(folder.path(), "2026-11-21/cut.wav"), None);
        draw_missing(folder.path().into(), later, stopped).await;
        let cut = peaks(folder.path(), "2026-11-21/cut.wav").expect("it is drawn");
        assert_eq!((cut.seconds(), cut.channels[0][0]), (1.0, 94));
        assert_eq!(peaks(folder.path(), "2026-11-21/drawn.wav").map(|peaks| peaks.length()), Some(1));
        let mut names: Vec<_> = fs::read_dir(&day).expect("read").flatten().map(|entry| entry.file_name()).collect();
        names.sort();
        assert_eq!(names, ["cut.wav", "cut.wav.peaks", "drawn.wav", "drawn.wav.peaks", "none.wav", "room.ledger"]);
        drop(tell);
    }
}
