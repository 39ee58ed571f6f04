//! A mounted volume, used by real system calls.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;

use subrosa_lossyfs::{Fault, LossyFs, On, Volume, Weather, inside_namespace};

/// Mounts `volume` in a folder of its own for as long as `work` takes; the volume after it.
fn mounted(volume: Volume, work: impl FnOnce(&LossyFs, &Path)) -> Volume {
    let folder = std::env::temp_dir().join(format!("lossyfs-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    let mount = LossyFs::mount(&folder, volume).expect("mounts");
    work(&mount, &folder);
    let volume = mount.unmount().expect("unmounts");
    fs::remove_dir(&folder).expect("is empty again");
    volume
}

#[test]
fn files_survive_a_mount_and_a_cut_takes_what_was_not_synced() {
    if !inside_namespace("files_survive_a_mount_and_a_cut_takes_what_was_not_synced") {
        return;
    }
    let volume = mounted(Volume::new(), |_, at| {
        fs::create_dir(at.join("d")).expect("makes");
        let mut file = File::create(at.join("d/a")).expect("creates");
        file.write_all(&[1; 10_000]).expect("writes");
        file.sync_data().expect("syncs");
        for folder in ["d", "."] {
            File::open(at.join(folder)).and_then(|folder| folder.sync_all()).expect("syncs");
        }
        file.write_at(&[2; 600], 100).expect("writes");
        fs::write(at.join("d/b"), "never synced").expect("writes");
        fs::rename(at.join("d/b"), at.join("c")).expect("renames");
    });
    mounted(volume.clone(), |_, at| {
        assert_eq!(fs::read(at.join("c")).expect("reads"), b"never synced");
        assert_eq!(fs::read(at.join("d/a")).expect("reads")[100..102], [2, 2]);
        assert_eq!(fs::read_dir(at).expect("lists").count(), 2);
    });
    mounted(volume.survivors(Weather::Lost, 1), |_, at| {
        assert_eq!(fs::read(at.join("d/a")).expect("reads"), [1; 10_000]);
        assert!(!at.join("c").exists() && !at.join("d/b").exists());
    });
}

#[test]
fn after_the_cut_nothing_succeeds() {
    if !inside_namespace("after_the_cut_nothing_succeeds") {
        return;
    }
    let after = mounted(Volume::new(), |mount, at| {
        let file = File::create(at.join("a")).expect("creates");
        mount.cut_after(3);
        file.write_at(&[1; 100], 0).expect("writes");
        file.write_at(&[2; 100], 0).expect("writes");
        file.sync_all().expect_err("the power failed in it");
        assert!(mount.wait_for_cut(Duration::ZERO));
        file.write_at(&[3; 100], 0).expect_err("the power is off");
        File::open(at.join("a")).expect_err("the power is off");
    });
    assert_eq!(after.acts(), 4);
}

#[test]
fn faults_strike_what_they_name_and_a_full_disk_says_so() {
    if !inside_namespace("faults_strike_what_they_name_and_a_full_disk_says_so") {
        return;
    }
    mounted(Volume::new(), |mount, at| {
        let file = File::create(at.join("a.slab")).expect("creates");
        let other = File::create(at.join("b")).expect("creates");
        mount.fail(Fault::broken(On::Sync, ".slab", 1));
        file.sync_all().expect("the first succeeds");
        file.sync_all().expect_err("the second does not");
        other.sync_all().expect("another file");
        mount.mend();
        file.sync_all().expect("is well again");
        mount.fill_up(4_096);
        file.write_at(&[1; 4_096], 0).expect("fits");
        let full = file.write_at(&[1; 4_096], 4_096).expect_err("does not");
        assert_eq!(full.kind(), io::ErrorKind::StorageFull);
        file.write_at(&[2; 4_096], 0).expect("over what is there");
    });
}
