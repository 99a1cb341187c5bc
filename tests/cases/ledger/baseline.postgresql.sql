CREATE TABLE public.batches (
    id integer NOT NULL,
    file_id integer NOT NULL,
    attempt integer NOT NULL,
    number integer NOT NULL,
    target json NOT NULL,
    rows integer NOT NULL,
    sha256 character varying(64) NOT NULL,
    state character varying(20) NOT NULL,
    after_import integer NOT NULL,
    import_id integer,
    sending_id integer,
    counters json NOT NULL,
    changed_at timestamp without time zone NOT NULL
);

CREATE SEQUENCE public.batches_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.batches_id_seq OWNED BY public.batches.id;

CREATE TABLE public.exports (
    id integer NOT NULL,
    client character varying(100) NOT NULL,
    stream character varying(200) NOT NULL,
    number integer NOT NULL,
    state character varying(20) NOT NULL,
    window_start timestamp without time zone,
    window_end timestamp without time zone NOT NULL,
    file_name character varying(255) NOT NULL,
    rows integer NOT NULL,
    bytes bigint NOT NULL,
    sha256 character varying(64) NOT NULL,
    staged character varying(400) NOT NULL,
    snapshot character varying(400) NOT NULL,
    agreement character varying(64) NOT NULL,
    run character varying(64) NOT NULL,
    changed_at timestamp without time zone NOT NULL
);

CREATE SEQUENCE public.exports_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.exports_id_seq OWNED BY public.exports.id;

CREATE TABLE public.files (
    id integer NOT NULL,
    client character varying(100) NOT NULL,
    stream character varying(200) NOT NULL,
    sha256 character varying(64) NOT NULL,
    name character varying(255) NOT NULL,
    size bigint NOT NULL,
    state character varying(20) NOT NULL,
    reason character varying(40) NOT NULL,
    attempt integer NOT NULL,
    agreement character varying(64) NOT NULL,
    counts json NOT NULL,
    run character varying(64) NOT NULL,
    seen_at timestamp without time zone NOT NULL,
    changed_at timestamp without time zone NOT NULL
);

CREATE SEQUENCE public.files_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.files_id_seq OWNED BY public.files.id;

CREATE TABLE public.leases (
    name character varying(200) NOT NULL,
    owner character varying(64) NOT NULL,
    expires_at timestamp without time zone NOT NULL
);

ALTER TABLE ONLY public.batches ALTER COLUMN id SET DEFAULT nextval('public.batches_id_seq'::regclass);

ALTER TABLE ONLY public.exports ALTER COLUMN id SET DEFAULT nextval('public.exports_id_seq'::regclass);

ALTER TABLE ONLY public.files ALTER COLUMN id SET DEFAULT nextval('public.files_id_seq'::regclass);

INSERT INTO public.batches VALUES (1, 1, 1, 1, '{"list_id": 1, "import_type": "default"}', 3, 'cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd', 'done', 5, 77, NULL, '{"rows": 3, "created": 2, "updated": 1, "valid": 3, "not_valid": 0}', '2026-11-01 06:00:04');

INSERT INTO public.exports VALUES (1, 'acme', 'export-unsubscribed:1', 0, 'delivered', NULL, '2026-11-01 07:00:00', 'unsub.csv', 2, 99, '1212121212121212121212121212121212121212121212121212121212121212', 'exports/a.csv', 'snapshots/a.parquet', 'v1', '', '2026-11-01 06:00:09');

INSERT INTO public.files VALUES (1, 'acme', 'import:1', 'abababababababababababababababababababababababababababababababab', 'contacts-2026-11-01.csv', 1234, 'reported', '', 1, 'v1', '{"records": 4, "submitted": 3, "rejected": 1}', '11111111-1111-1111-1111-111111111111', '2026-11-01 06:00:00', '2026-11-01 06:00:05');
INSERT INTO public.files VALUES (2, 'acme', 'import:1', 'efefefefefefefefefefefefefefefefefefefefefefefefefefefefefefefef', 'contacts è.csv', 9999999999, 'held', 'file_shrank', 1, 'v1', '{}', '', '2026-11-01 06:00:06', '2026-11-01 06:00:07');

INSERT INTO public.leases VALUES ('client/acme/import:1', '1ca53fc49b374dafb21338e8c2f9bea4', '2026-11-01 06:01:10');

SELECT pg_catalog.setval('public.batches_id_seq', 1, true);

SELECT pg_catalog.setval('public.exports_id_seq', 1, true);

SELECT pg_catalog.setval('public.files_id_seq', 2, true);

ALTER TABLE ONLY public.batches
    ADD CONSTRAINT batches_file_id_attempt_number_key UNIQUE (file_id, attempt, number);

ALTER TABLE ONLY public.batches
    ADD CONSTRAINT batches_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.exports
    ADD CONSTRAINT exports_client_stream_number_key UNIQUE (client, stream, number);

ALTER TABLE ONLY public.exports
    ADD CONSTRAINT exports_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.files
    ADD CONSTRAINT files_client_stream_sha256_key UNIQUE (client, stream, sha256);

ALTER TABLE ONLY public.files
    ADD CONSTRAINT files_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.leases
    ADD CONSTRAINT leases_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.batches
    ADD CONSTRAINT batches_file_id_fkey FOREIGN KEY (file_id) REFERENCES public.files(id);


