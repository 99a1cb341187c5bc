BEGIN TRANSACTION;
CREATE TABLE batches (
	id INTEGER NOT NULL, 
	file_id INTEGER NOT NULL, 
	attempt INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	target JSON NOT NULL, 
	rows INTEGER NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	state VARCHAR(20) NOT NULL, 
	after_import INTEGER NOT NULL, 
	import_id INTEGER, 
	sending_id INTEGER, 
	counters JSON NOT NULL, 
	changed_at DATETIME NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (file_id, attempt, number), 
	FOREIGN KEY(file_id) REFERENCES files (id)
);
INSERT INTO "batches" VALUES(1,1,1,1,'{"list_id": 1, "import_type": "default"}',3,'cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd','done',5,77,NULL,'{"rows": 3, "created": 2, "updated": 1, "valid": 3, "not_valid": 0}','2026-11-01 06:00:04.000000');
CREATE TABLE exports (
	id INTEGER NOT NULL, 
	client VARCHAR(100) NOT NULL, 
	stream VARCHAR(200) NOT NULL, 
	number INTEGER NOT NULL, 
	state VARCHAR(20) NOT NULL, 
	window_start DATETIME, 
	window_end DATETIME NOT NULL, 
	file_name VARCHAR(255) NOT NULL, 
	rows INTEGER NOT NULL, 
	bytes BIGINT NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	staged VARCHAR(400) NOT NULL, 
	snapshot VARCHAR(400) NOT NULL, 
	agreement VARCHAR(64) NOT NULL, 
	run VARCHAR(64) NOT NULL, 
	changed_at DATETIME NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (client, stream, number)
);
INSERT INTO "exports" VALUES(1,'acme','export-unsubscribed:1',0,'delivered',NULL,'2026-11-01 07:00:00.000000','unsub.csv',2,99,'1212121212121212121212121212121212121212121212121212121212121212','exports/a.csv','snapshots/a.parquet','v1','','2026-11-01 06:00:09.000000');
CREATE TABLE files (
	id INTEGER NOT NULL, 
	client VARCHAR(100) NOT NULL, 
	stream VARCHAR(200) NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	size BIGINT NOT NULL, 
	state VARCHAR(20) NOT NULL, 
	reason VARCHAR(40) NOT NULL, 
	attempt INTEGER NOT NULL, 
	agreement VARCHAR(64) NOT NULL, 
	counts JSON NOT NULL, 
	run VARCHAR(64) NOT NULL, 
	seen_at DATETIME NOT NULL, 
	changed_at DATETIME NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (client, stream, sha256)
);
INSERT INTO "files" VALUES(1,'acme','import:1','abababababababababababababababababababababababababababababababab','contacts-2026-11-01.csv',1234,'reported','',1,'v1','{"records": 4, "submitted": 3, "rejected": 1}','11111111-1111-1111-1111-111111111111','2026-11-01 06:00:00.000000','2026-11-01 06:00:05.000000');
INSERT INTO "files" VALUES(2,'acme','import:1','efefefefefefefefefefefefefefefefefefefefefefefefefefefefefefefef','contacts è.csv',9999999999,'held','file_shrank',1,'v1','{}','','2026-11-01 06:00:06.000000','2026-11-01 06:00:07.000000');
CREATE TABLE leases (
	name VARCHAR(200) NOT NULL, 
	owner VARCHAR(64) NOT NULL, 
	expires_at DATETIME NOT NULL, 
	PRIMARY KEY (name)
);
INSERT INTO "leases" VALUES('client/acme/import:1','7be8794a61d14ab480815ced6202a295','2026-11-01 06:01:10.000000');
COMMIT;
