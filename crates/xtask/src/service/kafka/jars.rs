//! Java, and the broker's jars through Maven, kept under the target folder.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process;
use crate::service::install;
use crate::workspace;

const JAVA_LEAST: u32 = 17;

/// A Java of version 17 or later; Debian's default where there is none.
pub fn java() -> Result<PathBuf> {
    if let Some(java) = find_java() {
        return Ok(java);
    }
    install::debian(&["default-jre-headless"], "Java 17 or later (for Apache Kafka)")?;
    find_java().with_context(|| format!("this system's default Java is older than {JAVA_LEAST}: install a newer one"))
}

fn find_java() -> Option<PathBuf> {
    let home = std::env::var_os("JAVA_HOME").map(|home| PathBuf::from(home).join("bin/java"));
    let installed = std::fs::read_dir("/usr/lib/jvm").into_iter().flatten().flatten();
    let mut candidates: Vec<PathBuf> = home.into_iter().chain(process::find("java", &[])).collect();
    candidates.extend(installed.map(|entry| entry.path().join("bin/java")));
    candidates.into_iter().find(|java| version(java).is_some_and(|version| version >= JAVA_LEAST))
}

fn version(java: &Path) -> Option<u32> {
    // It says so on standard error: openjdk version "17.0.15" 2025-04-15
    let output = Command::new(java).arg("-version").output().ok()?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let quoted = text.split('"').nth(1)?;
    quoted.split(['.', '-', '+']).next()?.parse().ok()
}

/// The folder with the broker and everything it needs at run time.
pub fn find_or_fetch(version: &str) -> Result<PathBuf> {
    let libs = workspace::cache().join("kafka").join(version).join("libs");
    if libs.join(format!("kafka_2.13-{version}.jar")).is_file() {
        return Ok(libs);
    }
    if process::find("mvn", &[]).is_none() {
        install::debian(&["maven"], "Maven (fetches Apache Kafka's jars; a running Docker would do as well)")?;
    }
    println!("xtask: fetching Apache Kafka {version} through Maven");
    let parent = libs.parent().and_then(Path::parent).context("the cache folder has no parent")?;
    std::fs::create_dir_all(parent)?;
    // Made beside its place and moved there whole, so that an interrupted download is never taken for a complete one.
    let fresh = tempfile::Builder::new().prefix("fetch-").tempdir_in(parent)?;
    std::fs::write(fresh.path().join("pom.xml"), pom(version))?;
    let mut maven = Command::new("mvn");
    maven.current_dir(fresh.path()).args(["-q", "-B", "dependency:copy-dependencies", "-DincludeScope=runtime"]);
    maven.arg("-DoutputDirectory=libs");
    let (status, ()) = process::foreground(maven, |_| ())?;
    if !status.success() {
        bail!(
            "Maven could not fetch org.apache.kafka:kafka_2.13:{version} ({status}): it needs Maven Central or a mirror \
             named in its settings, or start a Docker engine instead"
        );
    }
    let place = parent.join(version);
    let _ = std::fs::remove_dir_all(&place);
    std::fs::rename(fresh.keep(), &place)?;
    Ok(libs)
}

fn pom(version: &str) -> String {
    // slf4j-simple lets the broker say on standard error why it does not start; the artifact brings no logger itself.
    format!(
        r#"<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>rapport</groupId>
  <artifactId>test-broker</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{version}</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
"#
    )
}
